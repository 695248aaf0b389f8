// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"regexp"
	"strings"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/yamlnode"
)

var (
	// address is the address of a server: scheme and host, and the okmsId of an address for clients
	// of Vault.
	address = regexp.MustCompile(`^(https?://[^/?#@\s]+)(?:/api/([^/?#\s]*))?/*$`)
	// regional is OVHcloud's host of a region.
	regional = regexp.MustCompile(`^https://([a-z0-9-]+)\.okms\.ovh\.(?:net|us)(?::443)?$`)
)

// unknownID takes the place of an okmsId that is not known.
const unknownID = "00000000-0000-0000-0000-000000000000"

// parameter is a parameter of a class, or a field of a connection.
type parameter struct{ name, value string }

// domain is the OKMS domain that a source names.
type domain struct {
	comments comments
	fields   []parameter // of a class or a connection; none if the source names no OKMS domain
}

// readDomain reads the address of a server and an okmsId, which may be in the address instead. If it is
// no OKMS domain, the domain has no fields and why says why.
func (i *item) readDomain(at *yamlnode.Node, server, id string) (d domain, why string) {
	m := address.FindStringSubmatch(strings.TrimSpace(server))
	if m == nil {
		return d, "its address is not https://<region>.okms.ovh.net/api/<okmsId>"
	}
	if id == "" {
		id = m[2]
	}
	region := regional.FindStringSubmatch(strings.ToLower(m[1]))
	if region == nil && id == "" {
		return d, "its address " + message.OneLine(m[1]) + " is not one of OKMS, https://<region>.okms.ovh.net/api/<okmsId>"
	}
	fields := map[string]string{place.FieldEndpoint: m[1], place.FieldOKMSID: id}
	if region != nil {
		byRegion := place.Parse(map[string]string{place.FieldRegion: region[1]}, 0, func(string, error) {})
		if byRegion.Endpoint == strings.TrimSuffix(strings.ToLower(m[1]), ":443") {
			delete(fields, place.FieldEndpoint)
			fields[place.FieldRegion] = region[1]
		}
	}
	place.Parse(fields, 0, func(field string, err error) {
		switch {
		case field != place.FieldOKMSID:
			why = "its address " + err.Error()
		case id == "":
			fields[field] = unknownID
			i.lose(&d.comments, at, "the okmsId is not given; write that of your OKMS domain")
		default:
			fields[field] = unknownID
			i.lose(&d.comments, at, "the okmsId %s; write that of your OKMS domain", err)
		}
	})
	if why != "" {
		return domain{}, why
	}
	for _, name := range []string{place.FieldRegion, place.FieldEndpoint, place.FieldOKMSID} {
		if value, given := fields[name]; given {
			d.fields = append(d.fields, parameter{name, value})
		}
	}
	if region == nil {
		i.advise(&d.comments, at, "the provider sends credentials to this host only if its flag --allow-endpoint names it")
	}
	return d, ""
}

// addBundle adds a CA bundle in PEM.
func (d *domain) addBundle(i *item, at *yamlnode.Node, pem string) {
	fields := map[string]string{place.FieldCABundle: pem}
	wrong := false
	place.Parse(fields, place.MaxBundleOfMount, func(field string, err error) {
		if field == place.FieldCABundle {
			wrong = true
			i.lose(&d.comments, at, "caBundle %s", err)
		}
	})
	if !wrong {
		d.fields = append(d.fields, parameter{place.FieldCABundle, strings.TrimSpace(pem) + "\n"})
	}
}

// use returns the parameters of a class for the domain, or for the connection if there is one.
func (i *item) use(d domain) (comments, []parameter) {
	if i.options.Connection != "" {
		return nil, []parameter{{class.ParamConnection, i.options.Connection}}
	}
	return d.comments, d.fields
}
