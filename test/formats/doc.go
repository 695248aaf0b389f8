// SPDX-License-Identifier: Apache-2.0

// Package formats checks the files of provider/format with the programs that read them: kubelet's
// parser of env files, and libraries for dotenv and properties.
package formats
