package provider

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/auth"
	"ovhcloud-csi-provider/provider/okms"
)

// The parameters of a SecretProviderClass that are ours.
const (
	paramRegion   = "region"
	paramEndpoint = "endpoint"
	paramOKMSID   = "okmsId"
	paramCABundle = "caBundle"
	paramObjects  = "objects"
)

var parameters = []string{paramRegion, paramEndpoint, paramOKMSID, paramCABundle, paramObjects}

// Attributes of a mount that the driver and kubelet add to the parameters.
const (
	attributePrefix    = "csi.storage.k8s.io/"
	attributeClass     = "secretProviderClass"
	attributeProvider  = "providerName"
	attributePod       = attributePrefix + "pod.name"
	attributeNamespace = attributePrefix + "pod.namespace"
	attributePodUID    = attributePrefix + "pod.uid"
	attributeAccount   = attributePrefix + "serviceAccount.name"
)

// class is the parameters of a mount in typed form. Each field is right by
// itself; plan checks them against one another.
type class struct {
	domain  okms.Domain
	objects []object
}

// collector gathers the failures of a mount.
type collector struct{ failures []Failure }

func (c *collector) add(object int, kind Kind, where, format string, args ...any) {
	c.failures = append(c.failures, Failure{Kind: kind, Object: object, Where: where, What: fmt.Sprintf(format, args...)})
}

func (c *collector) parameter(name, format string, args ...any) {
	c.add(WholeClass, Invalid, "parameters."+name, format, args...)
}

// parse reads what is ours of a mount's attributes and collects everything that
// is wrong with it.
func parse(attributes map[string]string, defaultMode fs.FileMode, c *collector) class {
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		foreign := strings.HasPrefix(name, attributePrefix) || name == attributeClass || name == attributeProvider
		if !foreign && !slices.Contains(parameters, name) {
			c.parameter(bounded(name, 80), "unknown parameter; %s", suggestion(name, parameters))
		}
	}
	cl := class{domain: parseDomain(attributes, c)}
	text, given := attributes[paramObjects]
	if !given {
		c.parameter(paramObjects, "is missing; it lists the secrets to mount")
		return cl
	}
	cl.objects = parseObjects(text, defaultMode, c)
	return cl
}

var (
	regionName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	uuid       = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	// vaultStyle is how OVHcloud's guides print an endpoint for Vault clients.
	vaultStyle = regexp.MustCompile(`^(.*?)/api/([^/?#]*)/?$`)
)

// parseDomain reads where the secrets are: region or endpoint, okmsId, caBundle.
func parseDomain(attributes map[string]string, c *collector) okms.Domain {
	var d okms.Domain
	id := parseOKMSID(attributes, c)
	region, hasRegion := attributes[paramRegion]
	endpoint, hasEndpoint := attributes[paramEndpoint]
	switch {
	case hasRegion && hasEndpoint:
		c.parameter(paramRegion, "stands beside endpoint; give one of them")
	case hasRegion:
		d.Endpoint = regionEndpoint(region, c)
	case hasEndpoint:
		var inside string
		d.Endpoint, inside = parseEndpoint(endpoint, c)
		if inside != "" && id != "" && inside != id {
			c.parameter(paramEndpoint, "ends in another okmsId (%s) than the parameter okmsId (%s)", inside, id)
		}
		if id == "" && attributes[paramOKMSID] == "" {
			id = inside
		}
	default:
		c.parameter(paramRegion, "is missing; give a region, such as eu-west-par, or an endpoint")
	}
	if _, given := attributes[paramOKMSID]; !given && id == "" {
		c.parameter(paramOKMSID, "is missing; it is the UUID of the OKMS domain")
	}
	d.ID = id
	d.CABundle = parseCABundle(attributes, c)
	return d
}

func parseOKMSID(attributes map[string]string, c *collector) string {
	text, given := attributes[paramOKMSID]
	if !given {
		return ""
	}
	id := strings.ToLower(strings.TrimSpace(text))
	if !uuid.MatchString(id) {
		c.parameter(paramOKMSID, "%s is not a UUID, such as 734b9b45-8b1a-469c-b140-b10bd6540017", quoted(text))
		return ""
	}
	return id
}

// regionEndpoint is the host of a region (support.us.ovhcloud.com for the United
// States, OVHcloud's guides for all others).
func regionEndpoint(region string, c *collector) string {
	name := strings.ToLower(strings.TrimSpace(region))
	if !regionName.MatchString(name) || len(name) > 63 {
		c.parameter(paramRegion, "%s is not the name of a region, such as eu-west-par", quoted(region))
		return ""
	}
	if strings.HasPrefix(name, "us-") {
		return "https://" + name + ".okms.ovh.us"
	}
	return "https://" + name + ".okms.ovh.net"
}

// parseEndpoint splits off the okmsId that a Vault-style address ends in. The
// text is not repeated in errors: people paste addresses with passwords.
func parseEndpoint(text string, c *collector) (endpoint, id string) {
	text = strings.TrimSpace(text)
	if m := vaultStyle.FindStringSubmatch(text); m != nil {
		text, id = m[1], strings.ToLower(m[2])
		if !uuid.MatchString(id) {
			c.parameter(paramEndpoint, "what stands behind /api/ is not a UUID")
			return "", ""
		}
	}
	endpoint, err := auth.Normalize(text)
	if err != nil {
		c.parameter(paramEndpoint, "%s; want https://<host>, or https://<host>/api/<okmsId>", err)
		return "", id
	}
	return endpoint, id
}

func parseCABundle(attributes map[string]string, c *collector) string {
	bundle, given := attributes[paramCABundle]
	if !given {
		return ""
	}
	rest, found := []byte(bundle), 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if _, err := x509.ParseCertificate(block.Bytes); block.Type != "CERTIFICATE" || err != nil {
			c.parameter(paramCABundle, "PEM block %d is not a certificate", found+1)
			return ""
		}
		found++
	}
	switch {
	case found == 0:
		c.parameter(paramCABundle, "holds no certificate in PEM form")
	case strings.TrimSpace(string(rest)) != "":
		c.parameter(paramCABundle, "holds something else than PEM behind certificate %d", found)
	default:
		return bundle
	}
	return ""
}
