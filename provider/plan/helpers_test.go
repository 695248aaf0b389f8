package plan_test

import (
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

// changes are changes of the valid request of plantest.
type changes = []func(*plan.Request)

// endpoint replaces the region of a request by an endpoint.
func endpoint(url string) func(*plan.Request) {
	return func(r *plan.Request) {
		plantest.Without("region")(r)
		plantest.With("endpoint", url)(r)
	}
}
