package failure

// TriesAgain says of a failure that may pass by itself what happens next.
const TriesAgain = "kubelet tries again"

// NodeFullAdvice is for mounts that met a bound which all mounts of a node share.
const NodeFullAdvice = TriesAgain + "; fewer or smaller secrets in a class help"

// Busy is the failure of a mount for which there was no room in its time.
func Busy() Failure {
	return Failure{Kind: NodeFull, Object: WholeClass, Where: "objects", What: "this node has too many mounts at once", Advice: NodeFullAdvice}
}
