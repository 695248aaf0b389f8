package auth

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Place is where one OKMS domain answers, as a SecretProviderClass or a
// connection states it. It is comparable.
type Place struct {
	// Endpoint is scheme://host[:port], as Normalize spells it.
	Endpoint string
	// OKMSID is the UUID of the domain in lower case.
	OKMSID string
	// CABundle is PEM, added to the system's authorities. Empty adds none.
	CABundle string
}

// The fields of a Place as users spell them.
const (
	FieldRegion   = "region"
	FieldEndpoint = "endpoint"
	FieldOKMSID   = "okmsId"
	FieldCABundle = "caBundle"
)

// PlaceFields are the names of all fields of a Place.
func PlaceFields() []string { return []string{FieldRegion, FieldEndpoint, FieldOKMSID, FieldCABundle} }

// ErrMissing is in the chain of the error about a field that must be there. It is
// not told where the field was only misspelt, which is told already.
var ErrMissing = errors.New("is missing")

func missing(advice string) error { return fmt.Errorf("%w; %s", ErrMissing, advice) }

var (
	regionName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	uuid       = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	// vaultStyle is how OVHcloud's guides print an endpoint for Vault clients.
	vaultStyle = regexp.MustCompile(`^(.*?)/api/([^/?#]*)/?$`)
)

// ParsePlace reads a Place from its fields by name, with a CA bundle of maxBundle bytes
// at most, and calls wrong for each thing that is wrong, with the name of the field.
// It does not say whether a credential may go there.
func ParsePlace(fields map[string]string, maxBundle int, wrong func(field string, err error)) Place {
	var p Place
	text, hasID := fields[FieldOKMSID]
	if hasID {
		id, err := parseOKMSID(text)
		if err != nil {
			wrong(FieldOKMSID, err)
		}
		p.OKMSID = id
	}
	inside := parseHost(&p, fields, wrong)
	switch {
	case inside != "" && !hasID:
		p.OKMSID = inside
	case inside != "" && p.OKMSID != "" && inside != p.OKMSID:
		wrong(FieldEndpoint, fmt.Errorf("ends in another okmsId (%s) than the parameter okmsId (%s)", inside, p.OKMSID))
	case !hasID:
		wrong(FieldOKMSID, missing("it is the UUID of the OKMS domain"))
	}
	if bundle, given := fields[FieldCABundle]; given {
		if err := checkCABundle(bundle, maxBundle); err != nil {
			wrong(FieldCABundle, err)
		} else {
			p.CABundle = bundle
		}
	}
	return p
}

// parseHost sets the endpoint from region or endpoint, and gives the okmsId that
// stands in the latter, if one does.
func parseHost(p *Place, fields map[string]string, wrong func(field string, err error)) (inside string) {
	region, hasRegion := fields[FieldRegion]
	endpoint, hasEndpoint := fields[FieldEndpoint]
	var err error
	switch {
	case hasRegion && hasEndpoint:
		wrong(FieldRegion, errors.New("stands beside endpoint; give one of them"))
	case hasRegion:
		if p.Endpoint, err = regionEndpoint(region); err != nil {
			wrong(FieldRegion, err)
		}
	case hasEndpoint:
		if p.Endpoint, inside, err = splitEndpoint(endpoint); err != nil {
			wrong(FieldEndpoint, err)
		}
	default:
		wrong(FieldRegion, missing("give a region, such as eu-west-par, or an endpoint"))
	}
	return inside
}

func parseOKMSID(text string) (string, error) {
	id := strings.ToLower(strings.TrimSpace(text))
	if !uuid.MatchString(id) {
		return "", fmt.Errorf("%q is not a UUID, such as 734b9b45-8b1a-469c-b140-b10bd6540017", printable(text))
	}
	return id, nil
}

// regionEndpoint is the host of a region (support.us.ovhcloud.com for the United
// States, OVHcloud's guides for all others).
func regionEndpoint(region string) (string, error) {
	name := strings.ToLower(strings.TrimSpace(region))
	if !regionName.MatchString(name) || len(name) > 63 {
		return "", fmt.Errorf("%q is not the name of a region, such as eu-west-par", printable(region))
	}
	if strings.HasPrefix(name, "us-") {
		return "https://" + name + ".okms.ovh.us", nil
	}
	return "https://" + name + ".okms.ovh.net", nil
}

// splitEndpoint splits off the okmsId that a Vault-style address ends in. The
// text is not repeated in errors: people paste addresses with passwords.
func splitEndpoint(text string) (endpoint, id string, err error) {
	text = strings.TrimSpace(text)
	if m := vaultStyle.FindStringSubmatch(text); m != nil {
		text, id = m[1], strings.ToLower(m[2])
		if !uuid.MatchString(id) {
			return "", "", errors.New("what stands behind /api/ is not a UUID")
		}
	}
	if endpoint, err = Normalize(text); err != nil {
		return "", id, fmt.Errorf("%w; want https://<host>, or https://<host>/api/<okmsId>", err)
	}
	return endpoint, id, nil
}

// Bounds of a CA bundle in bytes, since each client in use holds one: of a mount, and
// of a connection, whose author is trusted. All authorities of a system take 220 kB.
const (
	MaxBundleOfMount = 64 << 10
	maxBundleOfOwn   = 512 << 10
)

func checkCABundle(bundle string, most int) error {
	if len(bundle) > most {
		return fmt.Errorf("is %d bytes long; at most %d are read; give the authority of the endpoint only", len(bundle), most)
	}
	rest, found := []byte(bundle), 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if _, err := x509.ParseCertificate(block.Bytes); block.Type != "CERTIFICATE" || err != nil {
			return fmt.Errorf("PEM block %d is not a certificate", found+1)
		}
		found++
	}
	switch {
	case found == 0:
		return errors.New("holds no certificate in PEM form")
	case strings.TrimSpace(string(rest)) != "":
		return fmt.Errorf("holds something else than PEM behind certificate %d", found)
	}
	return nil
}
