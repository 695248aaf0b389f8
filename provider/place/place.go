// SPDX-License-Identifier: Apache-2.0

// Package place parses the address of an OKMS domain as users write it: region, endpoint,
// okmsId and CA bundle. It also decides to which hosts a credential may be sent.
package place

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"ovhcloud-csi-provider/provider/message"
)

// Domain is the address of an OKMS domain. It is comparable: two equal Domains are the same
// domain of the same server, with the same trusted authorities.
type Domain struct {
	// Endpoint is scheme://host[:port], in the form of Normalize; empty if it is invalid.
	Endpoint string
	// ID is the domain's okmsId, a UUID in lower case.
	ID string
	// CABundle has the certificates (PEM) of authorities that are trusted in addition to the
	// system's; empty for none.
	CABundle string
	// API is the one that the domain is read with; the zero value is KV2.
	API API
}

// API is one of OKMS's APIs for secrets. Both give the same secrets.
type API string

// The APIs.
const (
	KV2  API = ""     // the Vault-compatible one
	REST API = "rest" // the native one, version 2
)

// NeedsGet reports whether a read of a secret needs the IAM action okms:apikms:secret/get too.
func (a API) NeedsGet() bool { return a == REST }

// parseAPI reads the name of an API.
func parseAPI(text string) (API, error) {
	switch strings.TrimSpace(text) {
	case "kv2":
		return KV2, nil
	case string(REST):
		return REST, nil
	}
	return KV2, fmt.Errorf("%s is not an API of OKMS; valid are kv2 (default) and rest", message.Quote(text))
}

// Host returns the host of the endpoint for messages, with its port if that is not 443.
func (d Domain) Host() string { return strings.TrimPrefix(d.Endpoint, "https://") }

// The fields of a Domain, as users write them.
const (
	FieldRegion   = "region"
	FieldEndpoint = "endpoint"
	FieldOKMSID   = "okmsId"
	FieldCABundle = "caBundle"
	FieldAPI      = "api"
)

// Fields returns the names of all fields of a Domain.
func Fields() []string {
	return []string{FieldRegion, FieldEndpoint, FieldOKMSID, FieldCABundle, FieldAPI}
}

var (
	uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	// vaultStyle is an endpoint for Vault clients as in OVHcloud's guides, and anything that
	// follows it.
	vaultStyle = regexp.MustCompile(`^([^?#]*?)/api/([^/?#]*)/*(.*)$`)
	// hostAndPath is a URL with anything after its host.
	hostAndPath = regexp.MustCompile(`^(?i:https?)://[^/?#@]+(/[^/].*|[?#].*)$`)
	// apiPath is the path of one of OKMS's APIs.
	apiPath = regexp.MustCompile(`^/*(v[12](?:/secret)?|swagger)([/?#].*)?$`)
)

// Parse returns the Domain of fields by name. It calls wrong with the field and an error for
// each mistake; the field of the Domain is empty then. maxBundle is the limit of a CA bundle in
// bytes. Parse does not check whether a credential may be sent there: see Endpoints.
func Parse(fields map[string]string, maxBundle int, wrong func(field string, err error)) Domain {
	var p Domain
	text, hasID := fields[FieldOKMSID]
	if hasID {
		id, err := parseOKMSID(text)
		if err != nil {
			wrong(FieldOKMSID, err)
		}
		p.ID = id
	}
	inside := parseHost(&p, fields, wrong)
	switch {
	case inside != "" && !hasID:
		p.ID = inside
	case inside != "" && p.ID != "" && inside != p.ID:
		wrong(FieldEndpoint, fmt.Errorf("ends in another okmsId (%s) than the parameter okmsId (%s)", inside, p.ID))
	case !hasID:
		wrong(FieldOKMSID, message.Missing("it is the UUID of the OKMS domain"))
	}
	if bundle, given := fields[FieldCABundle]; given {
		var err error
		if p.CABundle, err = parseCABundle(bundle, maxBundle); err != nil {
			wrong(FieldCABundle, err)
		}
	}
	if api, given := fields[FieldAPI]; given {
		var err error
		if p.API, err = parseAPI(api); err != nil {
			wrong(FieldAPI, err)
		}
	}
	return p
}

// parseHost sets p.Endpoint from the region or the endpoint. It returns the okmsId that the
// endpoint ends in, "" if it has none.
func parseHost(p *Domain, fields map[string]string, wrong func(field string, err error)) (inside string) {
	region, hasRegion := fields[FieldRegion]
	endpoint, hasEndpoint := fields[FieldEndpoint]
	var err error
	switch {
	case hasRegion && hasEndpoint:
		wrong(FieldRegion, errors.New("cannot be combined with endpoint; drop one of them"))
	case hasRegion:
		if p.Endpoint, err = regionEndpoint(region); err != nil {
			wrong(FieldRegion, err)
		}
	case hasEndpoint:
		if p.Endpoint, inside, err = splitEndpoint(endpoint); err != nil {
			wrong(FieldEndpoint, err)
		}
	default:
		wrong(FieldRegion, message.Missing("give a region, such as eu-west-par, or an endpoint"))
	}
	return inside
}

func parseOKMSID(text string) (string, error) {
	id := strings.ToLower(strings.TrimSpace(text))
	switch {
	case uuid.MatchString(id):
		return id, nil
	case holdsTemplate(text):
		return "", fmt.Errorf("%s is a template that was not rendered; render it, or write the UUID", message.Quote(text))
	}
	return "", fmt.Errorf("%s is not a UUID, such as 734b9b45-8b1a-469c-b140-b10bd6540017", message.Quote(text))
}

// splitEndpoint returns the endpoint in the form of Normalize, and the okmsId that a
// Vault-style address ends in, "" if there is none. Errors do not quote the text: people paste
// addresses with passwords.
func splitEndpoint(text string) (endpoint, id string, err error) {
	text = strings.TrimSpace(text)
	if m := vaultStyle.FindStringSubmatch(text); m != nil {
		if id = strings.ToLower(m[2]); !uuid.MatchString(id) {
			return "", "", errors.New("the text after /api/ is not a UUID; write https://<host>/api/<okmsId>")
		}
		if text = m[1]; m[3] != "" {
			return "", id, errors.New(dropPath(m[3], "the text after /api/<okmsId>"))
		}
	}
	if m := hostAndPath.FindStringSubmatch(text); m != nil {
		return "", "", errors.New(dropPath(m[1], "the text after the host") + "; " + endpointForm)
	}
	if endpoint, err = Normalize(text); err != nil {
		return "", id, fmt.Errorf("%w; %s", err, endpointForm)
	}
	return endpoint, id, nil
}

// endpointForm is the cure for an endpoint in another form.
const endpointForm = "write https://<host>, or https://<host>/api/<okmsId>"

// dropPath returns the cure for an address with a path after its host or okmsId. If the path is
// that of an API, the cure names it. Any other path may hold a password, so it is called rest.
func dropPath(path, rest string) string {
	m := apiPath.FindStringSubmatch(path)
	switch {
	case m == nil:
		return "drop " + rest
	case strings.Trim(m[2], "/") == "":
		return "drop /" + m[1] + " at its end"
	}
	return "drop /" + m[1] + " and the text after it"
}
