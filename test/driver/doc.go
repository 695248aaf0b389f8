// Package driver runs the real Secrets Store CSI driver, v1.6.1, inside one process: its node server, spoken to over
// its CSI socket as kubelet does, and its controller that mirrors mounted files to Kubernetes Secrets. A provider under
// test listens where the driver looks for it, so a test or a demo can go from a SecretProviderClass to files in a
// pod's tmpfs without a cluster.
//
// What is real: the driver's code, its sockets, its atomic writer, the mount command and the tmpfs (in user and mount
// namespaces of their own, see Isolated), the provider's process. What is not: the Kubernetes API is
// controller-runtime's in-memory one, and kubelet's part, a few rules long, is played by Pod.
//
// The package knows nothing of OKMS, has no test framework in it, and is no part of the product.
package driver
