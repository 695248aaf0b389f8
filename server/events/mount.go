// SPDX-License-Identifier: Apache-2.0

package events

// Mount is what is known of a mount that has ended.
type Mount struct {
	// Target is the path of the volume on the node.
	Target string
	// Namespace, Pod and UID are the pod's.
	Namespace, Pod, UID string
	// Class is the SecretProviderClass as namespace/name.
	Class string
	// Kind is that of the failure, "" for a success.
	Kind string
	// Message is what the user may read of the failure.
	Message string
}
