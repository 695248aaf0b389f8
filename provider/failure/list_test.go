// SPDX-License-Identifier: Apache-2.0

package failure_test

import (
	"fmt"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
)

func TestTheTextOfAFailure(t *testing.T) {
	for _, c := range []struct {
		f    failure.Failure
		want string
	}{
		{failure.Failure{What: "is empty"}, "is empty"},
		{failure.Failure{What: "is empty", Line: 3}, "is empty (line 3)"},
		{failure.Failure{What: "is empty", Facts: "HTTP 404"}, "is empty (HTTP 404)"},
		{failure.Failure{What: "is empty", Advice: "fill it"}, "is empty; fill it"},
		{failure.Failure{What: "is empty", Line: 3, Facts: "HTTP 404", Advice: "fill it"},
			"is empty (line 3) (HTTP 404); fill it"},
	} {
		if got := c.f.Text(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestTheMessageOfAnError(t *testing.T) {
	one := failure.Failure{Kind: failure.Invalid, Where: "objects[0]", What: "a"}
	two := failure.Failure{Kind: failure.Denied, Where: "objects[1]", What: "b", Hidden: "h"}
	down := func(i int) failure.Failure {
		return failure.Failure{Kind: failure.Unreachable, Where: fmt.Sprintf("objects[%d]", i), What: "down", Hidden: "h"}
	}
	for _, c := range []struct {
		class string
		all   []failure.Failure
		want  string
		kind  failure.Kind
	}{
		{"", []failure.Failure{one}, "objects[0]: a", failure.Invalid},
		{"ns/c", []failure.Failure{one}, "SecretProviderClass ns/c: objects[0]: a", failure.Invalid},
		{"ns/", []failure.Failure{one}, `SecretProviderClass in namespace "ns": objects[0]: a`, failure.Invalid},
		{"ns/c", []failure.Failure{two, one}, "SecretProviderClass ns/c: 2 errors:\n- objects[1]: b\n- objects[0]: a",
			failure.Invalid},
		{"", []failure.Failure{down(0), down(1)}, "objects[0], objects[1]: down", failure.Unreachable},
		{"", []failure.Failure{two, two}, "2 errors:\n- objects[1]: b\n- objects[1]: b", failure.Denied},
		{"", nil, "0 errors:", failure.Broken},
	} {
		err := &failure.Error{Class: c.class, Failures: c.all}
		if got := err.Error(); got != c.want || err.Kind() != c.kind {
			t.Errorf("got %s of %s, want %s of %s", got, err.Kind(), c.want, c.kind)
		}
	}
	if got := (&failure.Error{Failures: []failure.Failure{one, two, down(1)}}).Hidden(); got != "h" {
		t.Errorf("the log gets %q", got)
	}
	long := &failure.Error{}
	for i := range 200 {
		long.Failures = append(long.Failures, failure.Failure{Where: fmt.Sprint(i), What: strings.Repeat("x", 200)})
	}
	if got := long.Error(); len(got) > failure.MaxText+100 || !strings.Contains(got, "more") {
		t.Errorf("a message of %d bytes ends in %s", len(got), got[len(got)-30:])
	}
}

func TestAListIsSortedAndBounded(t *testing.T) {
	var l failure.List
	if l.Stop() || len(l.All()) != 0 {
		t.Error("an empty list is full, or holds something")
	}
	l.At(7)
	l.Add(2, failure.Invalid, "objects[2].x", "b%d", 1)
	l.At(0)
	l.Add(1, failure.Invalid, "objects[1].x", "a")
	l.Parameter("region", "c")
	if got := fmt.Sprint(l.All()); !strings.Contains(got, "parameters.region c") || l.Len() != 3 {
		t.Errorf("got %s", got)
	}
	if all := l.All(); all[0].Where != "parameters.region" || all[1].Line != 0 || all[2].Line != 7 {
		t.Errorf("the order or the lines: %+v", all)
	}
	var full failure.List
	for i := range failure.Most {
		if full.Stop() {
			t.Fatalf("full after %d", i)
		}
		full.Add(i, failure.Invalid, "x", "y")
	}
	if full.All(); !full.Stop() || !strings.Contains(full.All()[failure.Most].What, "there may be more") {
		t.Error("a list that ends a search does not say so")
	}
	full.Add(failure.Most, failure.Invalid, "x", "one too many")
	if full.Len() != failure.Most || !full.Stop() {
		t.Errorf("%d are kept", full.Len())
	}
	full.Add(failure.WholeClass, failure.NoCredential, "x", "about the class")
	full.Add(0, failure.Unreachable, "x", "shares a line")
	all := full.All()
	if len(all) != failure.Most+3 || !strings.Contains(all[len(all)-1].What, "there may be more") {
		t.Errorf("%d failures, the last is %s", len(all), all[len(all)-1].What)
	}
}

func TestAMisspeltFieldIsNotMissing(t *testing.T) {
	var l, other failure.List
	l.Field(0, "objects[0].secretPath", message.ErrMissing)
	l.Field(1, "objects[1].secretPath", message.Missing("give it"))
	l.Misspelt("objects[0].secretPath")
	other.Field(2, "objects[2].secretPath", message.ErrMissing)
	other.Misspelt("objects[2].secretPath")
	l.Join(&other)
	if all := l.All(); len(all) != 1 || all[0].Object != 1 || all[0].Text() != "is missing; give it" {
		t.Errorf("got %+v", all)
	}
}

func TestWhatIsRetried(t *testing.T) {
	for kind, want := range map[failure.Kind]string{
		failure.Limited: "[0 200 404 429 500 501 502 503 504]", failure.Unreachable: "[0 200 404 429 500 501 502 503 504]",
		failure.Failing: "[500 502 503 504]", failure.TokenFailing: "[0 200 429 500 501 502 503 504]",
		failure.TimedOut: "[]", failure.Denied: "[]", "unknown": "[]",
	} {
		retried := []int{}
		for _, status := range []int{0, 200, 404, 429, 500, 501, 502, 503, 504} {
			if kind.Retries(status) {
				retried = append(retried, status)
			}
		}
		if got := fmt.Sprint(retried); got != want {
			t.Errorf("%s is retried after %s, want %s", kind, got, want)
		}
	}
}
