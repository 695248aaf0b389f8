package read

import "ovhcloud-csi-provider/provider/plan"

// What a mount takes while it is in progress, in bytes: for each object its plan, for each
// read its outcome, which may be a failure with its texts, and two goroutines for each read
// in progress at once.
const (
	perObject = 512
	perRead   = 1 << 10
	perWorker = 16 << 10
)

// Takes returns how many bytes a mount takes, by its plan.
func Takes(pl plan.Plan) int64 {
	return int64(len(pl.Objects))*perObject + int64(len(pl.Reads))*perRead + int64(min(len(pl.Reads), mostAtOnce))*perWorker
}
