// SPDX-License-Identifier: Apache-2.0

// Package fleet measures what many nodes cost OKMS: the real provider of each node, its pods, and one store with a
// limit of requests a second, in one process and in simulated time.
//
// Kubelet is modelled by its facts: it asks for each volume at the pod's start, and again 60 to 90 s after the last
// time; a start that failed is tried again after 0.5 s, then twice as long, up to 2 minutes. The daemon's socket is
// left out: it changes no request.
package fleet
