// SPDX-License-Identifier: Apache-2.0

package failure

// TriesAgain is the advice for a failure that may pass without a change.
const TriesAgain = "kubelet tries again"

// NodeFullAdvice is for mounts that reached a limit which all mounts of a node share.
const NodeFullAdvice = TriesAgain +
	"; if this persists, use fewer or smaller secrets in a class, or raise the memory limit of the provider"

// Busy returns the failure of a mount that found no memory in its time.
func Busy() Failure {
	return Failure{Kind: NodeFull, Object: WholeClass, Where: "objects", What: "this node has too many mounts at once",
		Advice: NodeFullAdvice}
}
