// SPDX-License-Identifier: Apache-2.0

package read

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/explain"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/pool"
)

// Probe is what a connection's credential may do. The errors have the words that a mount
// would fail with; nil means that OKMS allows it.
type Probe struct {
	// Path is the secret that was requested. It need not exist.
	Path string
	// Needs are the actions that every mount needs, for a message. Read is about them.
	Needs string
	// Describe is about ActionDescribe, with which error messages say more.
	Read, Describe error
}

// ProbeConnection sends two requests to OKMS for a secret that probably does not exist.
// OKMS checks rights before existence, so the answers tell what the credential may do;
// nothing is changed or shown. The error is why the answers do not tell it.
func ProbeConnection(ctx context.Context, connection *connections.Connection, userAgent string) (Probe, error) {
	credential, err := connection.Credential()
	if err != nil {
		return Probe{}, err
	}
	from := plan.OriginOf(connection, credential)
	client, closeClient, err := pool.Open(from, okms.Options{UserAgent: userAgent})
	if err != nil {
		return Probe{}, err
	}
	defer closeClient()
	needs := explain.ReadActions(from)
	probe := Probe{Path: connection.ProbePath(), Needs: strings.Join(needs, " and ")}
	_, failed := client.Get(ctx, okms.Ref{Path: probe.Path})
	if probe.Read, err = probed(from, failed, needs...); err != nil {
		return Probe{}, err
	}
	_, _, failed = client.LatestActive(ctx, probe.Path)
	probe.Describe, err = probed(from, failed, explain.ActionDescribe)
	return probe, err
}

// probed returns either the refusal of one of some actions, or a failure that does not tell whether
// they are allowed.
func probed(from plan.Origin, failed *okms.Error, actions ...string) (refused, unclear error) {
	if failed == nil {
		return nil, nil
	}
	f := explain.Read(from, class.Object{}, failed, "try again")
	switch {
	case explain.IsGone(failed):
		return nil, nil
	case failed.Kind == failure.Denied:
		f.What = fmt.Sprintf("OKMS does not allow it to the %s", from.Credential)
		f.Advice = explain.GrantAdvice(from, actions...)
		return errors.New(f.Text()), nil
	}
	return nil, errors.New(f.Text())
}
