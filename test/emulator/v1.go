// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// v1Route is one method on one area of the Vault-KV2-compatible API.
type v1Route struct {
	method string
	vault  bool // only documented by Vault; Switches.StrictVerbs refuses it
	handle func(c *call, path string) (answer, error)
}

// v1Routes returns the routes of an area such as "data"; nil for an unknown area.
func v1Routes(area string) []v1Route {
	switch area {
	case "data":
		return []v1Route{
			{"GET", false, (*call).readData},
			{"POST", false, (*call).writeData}, {"PUT", true, (*call).writeData},
			{"PATCH", false, (*call).patchData},
			{"DELETE", false, (*call).deactivateLatest},
		}
	case "delete":
		return []v1Route{{"POST", false, (*call).deactivate}, {"PUT", true, (*call).deactivate}}
	case "undelete":
		return []v1Route{{"POST", false, (*call).reactivate}, {"PUT", true, (*call).reactivate}}
	case "destroy":
		return []v1Route{{"PUT", false, (*call).destroy}, {"POST", true, (*call).destroy}}
	case "subkeys":
		return []v1Route{{"GET", false, (*call).readSubkeys}}
	case "metadata":
		return []v1Route{
			{"GET", false, (*call).readMetadata},
			{"LIST", true, (*call).list},
			{"POST", false, (*call).writeMetadata}, {"PUT", true, (*call).writeMetadata},
			{"PATCH", false, (*call).patchMetadata},
			{"DELETE", false, (*call).removeSecret},
		}
	case "config":
		return []v1Route{
			{"GET", false, (*call).readConfig},
			{"POST", false, (*call).writeConfig}, {"PUT", true, (*call).writeConfig},
		}
	default:
		return nil
	}
}

// v1 returns the answer of the Vault-KV2-compatible API. rest is the escaped path below v1/. The
// mount is always "secret". Of sys/ and auth/, only lookup-self is supported.
func (c *call) v1(rest string) (answer, error) {
	if rest == "auth/token/lookup-self" && c.method == http.MethodGet && !c.e.switches.NoLookupSelf {
		return c.lookupSelf()
	}
	rest, ok := strings.CutPrefix(rest, "secret/")
	if !ok {
		return answer{}, errNoRoute(c.method, c.route)
	}
	area, escaped, _ := strings.Cut(rest, "/")
	routes := v1Routes(area)
	if routes == nil {
		return answer{}, errNoRoute(c.method, c.route)
	}
	route := c.pick(routes)
	if route == nil {
		return answer{}, refusef(http.StatusMethodNotAllowed, codeRESTArgument, "method %s is not allowed on %s",
			c.method, c.route)
	}
	path, err := c.v1Path(area, escaped)
	if err != nil {
		return answer{}, err
	}
	return route.handle(c, path)
}

func (c *call) pick(routes []v1Route) *v1Route {
	for i, r := range routes {
		if r.method == c.method && !(r.vault && c.e.switches.StrictVerbs) {
			return &routes[i]
		}
	}
	return nil
}

// v1Path decodes and checks the path of a secret. Only metadata accepts an empty path, and one
// trailing slash, because OVHcloud's SDK sends metadata/?list=true for the root.
func (c *call) v1Path(area, escaped string) (string, error) {
	path, err := unescapePath(escaped)
	if err != nil {
		return "", err
	}
	switch area {
	case "config":
		if path != "" {
			return "", errNoRoute(c.method, c.route)
		}
		return "", nil
	case "metadata":
		path = strings.TrimSuffix(path, "/")
		if path == "" && (c.method == http.MethodGet || c.method == "LIST") {
			return "", nil
		}
	}
	return path, checkPath(path)
}

// lookupSelf returns the properties of the caller's token, as Vault does. OKMS does not document it,
// but a widely used client requires it.
func (c *call) lookupSelf() (answer, error) {
	c.resource = c.e.urn("")
	self := struct {
		Type        string   `json:"type"`
		DisplayName string   `json:"display_name"`
		TTL         int64    `json:"ttl"`
		ExpireTime  *string  `json:"expire_time"`
		Policies    []string `json:"policies"`
		Renewable   bool     `json:"renewable"`
	}{Type: "service", DisplayName: c.who.identity.Name, Policies: []string{}}
	if expires := c.who.identity.Expires; !expires.IsZero() {
		self.TTL = int64(expires.Sub(c.now) / time.Second)
		text := v1Time(expires)
		self.ExpireTime = &text
	}
	return c.ok(marshal(self)), nil
}

// queryNumber returns a decimal query parameter from low to high; 0 if it is absent.
func (c *call) queryNumber(name string, low, high uint64) (uint32, error) {
	values, err := url.ParseQuery(c.query)
	if err != nil {
		return 0, errArgument("query: %v", err)
	}
	if !values.Has(name) {
		return 0, nil
	}
	n, err := strconv.ParseUint(values.Get(name), 10, 32)
	if err != nil || n < low || n > high {
		return 0, errArgument("query parameter %s=%q is not a number from %d to %d", name, values.Get(name), low, high)
	}
	return uint32(n), nil
}

// queryHas reports whether a query parameter is present.
func (c *call) queryHas(name string) (bool, error) {
	values, err := url.ParseQuery(c.query)
	if err != nil {
		return false, errArgument("query: %v", err)
	}
	return values.Has(name), nil
}

// queryBool returns a boolean query parameter; false if it is absent.
func (c *call) queryBool(name string) (bool, error) {
	values, err := url.ParseQuery(c.query)
	if err != nil {
		return false, errArgument("query: %v", err)
	}
	if !values.Has(name) {
		return false, nil
	}
	b, err := strconv.ParseBool(values.Get(name))
	if err != nil {
		return false, errArgument("query parameter %s=%q is not true or false", name, values.Get(name))
	}
	return b, nil
}

// decode decodes the request body into v.
func (c *call) decode(v any) error {
	if err := decodeStrict(c.body, v, c.e.switches.IgnoreUnknownFields); err != nil {
		return errArgument("request body: %v", err)
	}
	return nil
}

// v1Time returns a time in the form of this API: UTC with nanoseconds; "" for the zero time.
func v1Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
