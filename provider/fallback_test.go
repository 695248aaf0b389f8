package provider

import (
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/auth"
	"ovhcloud-csi-provider/provider/okms"
)

func TestTheSameVersionOfTheFallbackIsAnotherVersion(t *testing.T) {
	p := planned(t, request(objects("- secretPath: s")))
	p.fallback = &fallback{origin: origin{domain: okms.Domain{Endpoint: "https://eu-west-rbx.okms.ovh.net", ID: p.domain.ID}}}
	version := func(because *okms.Error) string {
		got := secrets{"s": `{}`}.fetch(p)
		one := got[okms.Ref{Path: "s"}]
		one.elsewhere = because
		got[okms.Ref{Path: "s"}] = one
		resp, failures := render(t.Context(), p, got)
		if len(failures) > 0 {
			t.Fatal(failures)
		}
		return resp.Versions[0].Version
	}
	first, second := version(nil), version(&okms.Error{Kind: okms.Unreachable})
	hash, host, _ := strings.Cut(second, "@")
	if host != "eu-west-rbx.okms.ovh.net" || hash == first || !strings.HasPrefix(hash, "7-") || len(hash) != len(first) {
		t.Errorf("%q, and from the fallback %q", first, second)
	}
}

func TestWhyThereIsNoFallbackIsForTheLog(t *testing.T) {
	p := planned(t, request(objects("- secretPath: s")))
	p.fallback = &fallback{origin: origin{connection: "rbx"}}
	for unusable, want := range map[string]string{
		"":          `the fallback, connection "rbx", does not allow "s" to the pod`,
		"no folder": "no folder",
	} {
		p.fallback.unusable = unusable
		for kind, hidden := range map[okms.Kind]string{okms.Unreachable: want, okms.Denied: ""} {
			_, failures := render(t.Context(), p, map[okms.Ref]fetched{{Path: "s"}: {err: &okms.Error{Kind: kind}}})
			e := &Error{Failures: failures}
			if e.Hidden() != hidden || strings.Contains(e.Error(), "rbx") {
				t.Errorf("after %s: %q, hidden %q, want %q", kind, e, e.Hidden(), hidden)
			}
		}
	}
}

func TestObjectsShareALineOnlyIfBothStoresSaidTheSame(t *testing.T) {
	p := planned(t, request(objects("- secretPath: a", "- secretPath: b", "- secretPath: c")))
	p.fallback = &fallback{origin: origin{connection: "rbx", credential: auth.Credential{}}}
	down := &okms.Error{Kind: okms.Failing, Status: 503}
	_, failures := render(t.Context(), p, map[okms.Ref]fetched{
		{Path: "a"}: {err: down, second: &okms.Error{Kind: okms.Limited, RequestID: "1"}},
		{Path: "b"}: {err: down, second: &okms.Error{Kind: okms.SecretAbsent}},
		{Path: "c"}: {err: down, second: &okms.Error{Kind: okms.Limited, RequestID: "2"}},
	})
	text := (&Error{Failures: failures}).Error()
	if !strings.Contains(text, "2 errors:") || strings.Count(text, "has a fault (HTTP 503); kubelet tries again; the fallback, connection \"rbx\", was asked too: ") != 2 {
		t.Error(text)
	}
}
