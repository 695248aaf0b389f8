package auth

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// MaxStale is how old a secret of the connection may be that is served while its
// domain cannot be reached or fails: its own bound, or else the daemon's.
func (c *Connection) MaxStale(daemons time.Duration) time.Duration {
	if c.hasMaxStale {
		return c.maxStale
	}
	return daemons
}

// OwnMaxStale says whether the connection has a bound of its own.
func (c *Connection) OwnMaxStale() bool { return c.hasMaxStale }

// Fallback is the name of the connection to ask where this one's domain cannot be
// reached or fails; "" for none.
func (c *Connection) Fallback() string { return c.fallback }

// outage reads what a connection states for the time when its domain cannot be
// reached.
func (r *reader) outage(s *spec, where string, fields map[string]*yamlnode.Node, texts map[string]string) {
	if text := texts[fieldMaxStale]; text != "" {
		var err error
		if s.maxStale, err = parseMaxStale(text, r.cacheTTL); err != nil {
			r.wrong(fields[fieldMaxStale], where+"."+fieldMaxStale, "%s", err)
		}
		s.hasMaxStale = true
	}
	if s.fallback = texts[fieldFallback]; s.fallback != "" {
		r.fallbacks[s.name] = fields[fieldFallback]
	}
}

// longestStale is the oldest that a stale secret may be.
const longestStale = 7 * 24 * time.Hour

// CheckMaxStale holds for --max-stale and for the field of a connection.
func CheckMaxStale(stale, cacheTTL time.Duration) error {
	switch {
	case stale < 0 || stale > longestStale:
		return fmt.Errorf("%s is not from 0 to 168h", stale)
	case stale > 0 && stale <= cacheTTL:
		return fmt.Errorf("%s is not longer than --cache-ttl, which is %s", stale, cacheTTL)
	}
	return nil
}

func parseMaxStale(text string, cacheTTL time.Duration) (time.Duration, error) {
	stale, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration, such as 30m or 24h; 0 serves nothing stale", printable(text))
	}
	return stale, CheckMaxStale(stale, cacheTTL)
}

// checkFallbacks wants of each fallback that it is another connection and another
// domain. One that names a fallback of its own is fine: that one is not followed,
// so two regions may stand in for each other.
func (r *reader) checkFallbacks(specs map[string]spec) {
	names := slices.Sorted(maps.Keys(specs))
	for name, n := range r.fallbacks {
		where := "connections." + name + "." + fieldFallback
		of := specs[name]
		to, known := specs[of.fallback]
		switch {
		case of.fallback == name:
			r.wrong(n, where, "is the connection itself; name one of another domain")
		case !known:
			r.wrong(n, where, "there is no connection %q; %s", printable(of.fallback), nearest.Suggestion(of.fallback, names))
		case to.place.Endpoint == of.place.Endpoint && to.place.OKMSID == of.place.OKMSID && to.place.OKMSID != "":
			r.wrong(n, where, "connection %q is of the same domain (%s, okmsId %s), which fails when this one does", printable(of.fallback), to.place.Endpoint, to.place.OKMSID)
		}
	}
}
