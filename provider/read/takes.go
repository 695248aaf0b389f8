// SPDX-License-Identifier: Apache-2.0

package read

import (
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/plan"
)

// mostAtOnce is how many reads of one mount are in progress or wait for a place at once.
// Each takes some 30 kB, and a class may ask for a thousand.
const mostAtOnce = 64

// What a mount takes while it is in progress, in bytes: for each object its plan, for each
// read its outcome, which may be a failure with its texts, and two goroutines for each read
// in progress at once.
const (
	perObject = 512
	perRead   = 1 << 10
	perWorker = 16 << 10
)

// Expected returns about how many bytes a mount takes, by the text of its objects. Some take more, such
// as one with templates. Much more must not be expected: pods that start together would wait for memory
// that none of them takes.
func Expected(objects string) int64 {
	n := int64(class.LikelyObjects(objects))
	workers := min(n, mostAtOnce)
	if strings.Contains(objects, "find") {
		workers = mostAtOnce
	}
	return n*(perObject+perRead) + workers*perWorker
}

// Takes returns how many bytes a mount takes, by its plan.
func Takes(pl plan.Plan) int64 {
	var templates int64
	for _, o := range pl.Objects {
		if o.Template != nil {
			templates += int64(o.Template.Size())
		}
	}
	workers := min(len(pl.Reads), mostAtOnce)
	if slices.ContainsFunc(pl.Objects, func(o class.Object) bool { return o.Find != nil }) {
		workers = mostAtOnce // it reads what it finds
	}
	return templates + int64(len(pl.Objects))*perObject + int64(len(pl.Reads))*perRead + int64(workers)*perWorker
}
