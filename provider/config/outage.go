// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
)

// outage returns the settings for an outage of the domain.
func (r *reader) outage(name string, s stated) (o Outage) {
	if text := s.texts[fieldMaxStale]; text != "" {
		var err error
		if o.MaxStale, err = parseMaxStale(text, r.cacheTTL); err != nil {
			r.field(s.fields[fieldMaxStale], s.where+"."+fieldMaxStale, err)
		}
		o.HasMaxStale = true
	}
	if o.Fallback = s.texts[fieldFallback]; o.Fallback != "" {
		r.fallbacks[name] = s.fields[fieldFallback]
	}
	return o
}

// CheckCacheTTL returns an error for an invalid --cache-ttl of the daemon or of the check.
func CheckCacheTTL(ttl time.Duration) error {
	if ttl < 0 || ttl > time.Hour {
		return fmt.Errorf("%s is not from 0 to 1h", ttl)
	}
	return nil
}

// longestStale is the upper limit of every maxStale.
const longestStale = 7 * 24 * time.Hour

// CheckMaxStale returns an error for an invalid --max-stale or field maxStale.
func CheckMaxStale(stale, cacheTTL time.Duration) error {
	switch {
	case stale < 0 || stale > longestStale:
		return fmt.Errorf("%s is not from 0 to 168h", stale)
	case stale > 0 && stale <= cacheTTL:
		return fmt.Errorf("%s is not longer than --cache-ttl, which is %s", stale, cacheTTL)
	}
	return nil
}

// parseMaxStale returns the duration of a field maxStale.
func parseMaxStale(text string, cacheTTL time.Duration) (time.Duration, error) {
	stale, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s is not a duration, such as 30m or 24h; 0 serves nothing stale", message.Quote(text))
	}
	return stale, CheckMaxStale(stale, cacheTTL)
}

// checkFallbacks adds a problem for each fallback that is not another connection of another
// domain. A fallback may have a fallback of its own, which is not followed: two regions may be
// each other's fallback.
func (r *reader) checkFallbacks(specs map[string]Connection) {
	for name, n := range r.fallbacks {
		where := "connections." + name + "." + fieldFallback
		of := specs[name]
		to, known := specs[of.Fallback]
		switch {
		case of.Fallback == name:
			r.wrong(n, where, "is the connection itself; name one of another domain")
		case !known:
			r.wrong(n, where, "there is no connection %s; %s", message.Quote(of.Fallback), suggestFallback(of, specs))
		case sameDomain(to, of):
			r.wrong(n, where, "connection %s reads the same domain (%s, okmsId %s), which fails when this one does; "+
				"name one of another domain", message.Quote(of.Fallback), to.Place.Endpoint, to.Place.ID)
		}
	}
}

// sameDomain reports whether two connections read the same domain. It is false if the okmsId is
// unknown.
func sameDomain(a, b Connection) bool {
	return a.Place.Endpoint == b.Place.Endpoint && a.Place.ID == b.Place.ID && a.Place.ID != ""
}

// suggestFallback returns the cure for a fallback that does not exist. It suggests only
// connections of another domain.
func suggestFallback(of Connection, specs map[string]Connection) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		if name != of.Name && !sameDomain(specs[name], of) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "this file has no connection of another domain; add one, or drop fallback"
	}
	return nearest.Suggestion(of.Fallback, names)
}
