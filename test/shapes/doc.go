// SPDX-License-Identifier: Apache-2.0

// Package shapes tests what a class can select and shape, end to end: find, versions, formats,
// certificates, templates, refreshInterval and connections of objects, over both APIs of OKMS.
package shapes
