package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ovhcloud-csi-provider/provider/auth"
	"ovhcloud-csi-provider/provider/okms"
)

// The IAM actions that reading and describing a secret take.
const (
	ActionRead     = "okms:apikms:secret/version/getData"
	ActionDescribe = "okms:apikms:secret/get"
)

// Probe is what a connection's credential may do. The errors are in the words
// that a mount would fail with; nil means that OKMS allows it.
type Probe struct {
	// Path is the secret that was asked for. That it does not exist is fine.
	Path string
	// Read is of ActionRead, which every mount needs. Describe is of ActionDescribe,
	// which makes errors tell more.
	Read, Describe error
}

// ProbeConnection asks OKMS twice, for a secret that hardly exists: OKMS checks
// rights before existence (so it is deduced), and nothing is changed or shown.
// The error is what keeps OKMS from saying what is allowed.
func ProbeConnection(ctx context.Context, connection *auth.Connection, userAgent string) (Probe, error) {
	credential, err := connection.Credential()
	if err != nil {
		return Probe{}, err
	}
	from := originOf(connection, credential)
	pool := clients{options: okms.Options{UserAgent: userAgent}, now: time.Now}
	p, err := pool.open(from)
	if err != nil {
		return Probe{}, err
	}
	defer p.close()
	probe := Probe{Path: connection.ProbePath()}
	_, err = p.client.Get(ctx, okms.Ref{Path: probe.Path})
	if probe.Read, err = probed(from, ActionRead, err); err != nil {
		return Probe{}, err
	}
	_, _, err = p.client.LatestActive(ctx, probe.Path)
	probe.Describe, err = probed(from, ActionDescribe, err)
	return probe, err
}

// probed tells a refusal of an action from a failure that says nothing of it.
func probed(from origin, action string, err error) (refused, failure error) {
	var failed *okms.Error
	if err == nil || !errors.As(err, &failed) {
		return nil, err
	}
	f := explainOne(from, object{}, fetched{err: failed}, "try again")
	// Others say nothing of the right to read.
	//exhaustive:ignore
	switch failed.Kind {
	case okms.SecretAbsent, okms.VersionAbsent, okms.Deactivated, okms.Deleted:
		return nil, nil
	case okms.Denied:
		f.What = fmt.Sprintf("OKMS does not allow it to the %s", from.credential)
		f.Advice = grantAdvice(from, action)
		return errors.New(f.text()), nil
	}
	return nil, errors.New(f.text())
}
