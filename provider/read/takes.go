package read

import "ovhcloud-csi-provider/provider/plan"

// What a mount takes while it is under way, in bytes: for each object its plan, for each
// read its outcome, be it a failure with its texts, and for each of the reads that are
// under way at once two goroutines.
const (
	perObject = 512
	perRead   = 1 << 10
	perWorker = 16 << 10
)

// Takes is how many bytes a mount takes by its plan.
func Takes(pl plan.Plan) int64 {
	return int64(len(pl.Objects))*perObject + int64(len(pl.Reads))*perRead + int64(min(len(pl.Reads), mostAtOnce))*perWorker
}
