// SPDX-License-Identifier: Apache-2.0

// Package simulation runs histories: the real server and provider against the real emulator
// of OKMS, over connections in memory, inside one bubble of testing/synctest, so that hours
// pass in milliseconds. A seed makes a history; a model, written from the contract and not
// from the code, says which answer each mount may get and how often the store may be asked.
// A history that breaks a rule is shrunk, printed as a story, and can be run again.
//
// The kubelet and the driver are modelled with what was seen of them: retries, renewals, the
// age of the folder, the codes after which a pod starts with an empty volume. The package
// does not test the socket, the watcher of files and the command line: other tests do.
package simulation
