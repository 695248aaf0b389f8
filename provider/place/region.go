// SPDX-License-Identifier: Apache-2.0

package place

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"ovhcloud-csi-provider/provider/message"
)

// KnownRegions returns the known regions of OKMS (source: OVHcloud's API and manager). The
// caller owns the slice. A region that is missing here may be new, and is valid.
func KnownRegions() []string {
	return []string{"eu-west-par", "eu-west-rbx", "eu-west-gra", "eu-west-sbg", "eu-west-lim", "eu-west-eri",
		"eu-central-waw", "eu-south-mil", "ca-east-bhs", "ca-east-tor", "ap-south-mum", "ap-southeast-sgp",
		"ap-southeast-syd",
		"us-east-vin", "us-west-hil"}
}

// regionForm matches a region of OKMS: continent, direction, site. A zone of the Public Cloud has
// one part more.
var regionForm = regexp.MustCompile(`^[a-z]{2,}-[a-z]+-[a-z]{2,}[0-9]*$`)

// regionEndpoint returns the endpoint of a region. Its domain is okms.ovh.us for the United
// States (source: support.us.ovhcloud.com), and okms.ovh.net for all others (source: OVHcloud's
// guides). The error is for a text that is not a region; it names the one that may be meant.
func regionEndpoint(region string) (string, error) {
	name := strings.ToLower(strings.TrimSpace(region))
	if holdsTemplate(name) {
		return "", fmt.Errorf("%s is a template that was not rendered; render it, or write the region", message.Quote(region))
	}
	if !regionForm.MatchString(name) || len(name) > 63 {
		return "", fmt.Errorf("%s is %s; the known regions are %s",
			message.Quote(region), notRegion(name), strings.Join(KnownRegions(), ", "))
	}
	if strings.HasPrefix(name, "us-") {
		return "https://" + name + ".okms.ovh.us", nil
	}
	return "https://" + name + ".okms.ovh.net", nil
}

// sites are the sites of regions by the names that the Public Cloud and the Control Panel give
// them.
var sites = map[string]string{
	"gra": "gra", "gravelines": "gra", "rbx": "rbx", "roubaix": "rbx",
	"sbg": "sbg", "strasbourg": "sbg", "par": "par", "paris": "par",
	"lim": "lim", "limburg": "lim", "frankfurt": "lim", "de": "lim",
	"eri": "eri", "erith": "eri", "london": "eri", "uk": "eri",
	"waw": "waw", "warsaw": "waw", "mil": "mil", "milan": "mil",
	"bhs": "bhs", "beauharnois": "bhs", "tor": "tor", "toronto": "tor",
	"mum": "mum", "mumbai": "mum", "ynm": "mum", "sgp": "sgp", "singapore": "sgp", "syd": "syd", "sydney": "syd",
	"vin": "vin", "vint": "vin", "va": "vin", "hil": "hil", "hillsboro": "hil", "or": "hil",
}

var words = regexp.MustCompile(`[a-z]+`)

// notRegion returns the end of the sentence about a name that is not a region of OKMS. It
// suggests the region of the last word that names a site, if there is one.
func notRegion(name string) string {
	near := ""
	if len(name) <= 63 {
		for _, word := range words.FindAllString(name, -1) {
			near = cmp.Or(regionAt(sites[word]), near)
		}
	}
	if near == "" {
		return "not the name of a region, such as eu-west-par"
	}
	return fmt.Sprintf("not a region of OKMS; did you mean %q? Give the region of the OKMS domain", near)
}

// regionAt returns the known region at a site, "" if there is none.
func regionAt(site string) string {
	for _, region := range KnownRegions() {
		if site != "" && strings.HasSuffix(region, "-"+site) {
			return region
		}
	}
	return ""
}

// holdsTemplate reports whether a text has a placeholder of Helm, envsubst, Kubernetes or alike.
func holdsTemplate(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "${") || strings.Contains(text, "$(")
}
