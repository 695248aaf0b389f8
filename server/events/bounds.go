// SPDX-License-Identifier: Apache-2.0

package events

import "time"

// Bounds of a Recorder.
const (
	// mostVolumes is how many volumes are remembered, of about 300 bytes each. A node has at
	// most a few hundred.
	mostVolumes = 4000
	// mostWaiting is how many events wait, of 1.5 KiB each. One namespace has half at the most.
	mostWaiting = 200
	// mostMessage bounds the message of an event in bytes; the API accepts 1,024 in most fields.
	mostMessage = 1000
	// mostName is the longest name that Kubernetes has, in bytes.
	mostName = 253
	// burst is how many events are written at once. After that there is one for each interval:
	// if OKMS is down, all pods of all nodes begin to fail in the same minute.
	burst    = 10
	interval = 10 * time.Second
	// pause is the shortest time between two events of a volume that fails and works in turns.
	pause = 5 * time.Minute
	// repeat is how often the event of a volume that keeps failing is renewed. Kubernetes
	// deletes events after an hour.
	repeat = 15 * time.Minute
	// mostBackoff is the longest wait after a request that failed.
	mostBackoff = 5 * time.Minute
)
