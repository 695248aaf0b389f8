package provider

import (
	"context"
	"errors"
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
	// which some need and which makes errors tell more.
	Read, Describe error
}

// ProbeConnection asks OKMS twice, for a secret that hardly exists: OKMS checks
// rights before existence (so it is deduced), and nothing is changed or shown.
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
	probe.Read = probed(from, err)
	_, err = p.client.Versions(ctx, probe.Path)
	probe.Describe = probed(from, err)
	return probe, nil
}

// probed is nil for a read that OKMS allowed.
func probed(from origin, err error) error {
	var failed *okms.Error
	if err == nil || !errors.As(err, &failed) {
		return err
	}
	switch failed.Kind {
	case okms.SecretAbsent, okms.VersionAbsent, okms.Deactivated, okms.Destroyed:
		return nil
	}
	return errors.New(explainOne(from, object{}, fetched{err: failed}).text())
}
