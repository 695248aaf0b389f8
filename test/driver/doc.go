// SPDX-License-Identifier: Apache-2.0

// Package driver runs the real Secrets Store CSI driver, v1.6.1, inside one process: its node server, called over its
// CSI socket as kubelet does, and its controller, which mirrors mounted files to Kubernetes Secrets. A provider under
// test listens where the driver looks for it, so a test or a demo can go from a SecretProviderClass to files in a
// pod's tmpfs without a cluster.
//
// These parts are real: the driver's code, its sockets, its atomic writer, the mount command, the tmpfs (in separate
// user and mount namespaces, see Isolated) and the provider's process. These are not: the Kubernetes API is
// controller-runtime's in-memory client, and Pod implements the few rules of kubelet.
//
// The package does not know OKMS, imports no test framework, and is not part of the product.
package driver
