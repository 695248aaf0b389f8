// Package tools pins the programs that test/cluster runs and that cannot be built together with Kubernetes 1.35: the
// Secrets Store CSI driver and helm. It has no code of its own.
package tools
