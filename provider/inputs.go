// SPDX-License-Identifier: Apache-2.0

package provider

import (
	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/read"
	"ovhcloud-csi-provider/provider/render"
)

// inputs returns the outcomes of the reads as render takes them.
func inputs(pl plan.Plan, got read.Results) map[plan.Read]render.Input {
	all := make(map[plan.Read]render.Input, len(got))
	for ref, f := range got {
		in := render.Input{Secret: f.Secret, Domain: f.Version.Domain, Version: f.Version.Number, Created: f.Version.Created,
			Host: f.Version.Host}
		if f.Err != nil {
			in.Unread = func(o class.Object) failure.Failure { return got.FailureOf(pl, o) }
			in.Absent = f.Err.Kind == failure.SecretAbsent || f.Err.Kind == failure.VersionAbsent
		}
		all[ref] = in
	}
	return all
}
