// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/read"
	"ovhcloud-csi-provider/provider/render"
	"ovhcloud-csi-provider/provider/sensitive"
)

var auditedRequest = provider.Request{Attributes: map[string]string{
	attributeClass: "shop", attributeNamespace: "store", "csi.storage.k8s.io/pod.name": "web-0",
	"csi.storage.k8s.io/pod.uid": "1", "csi.storage.k8s.io/serviceAccount.name": "web"}}

func TestTheRecordOfAMount(t *testing.T) {
	file := render.File{Path: "f", Contents: sensitive.New([]byte("planted"))}
	for name, c := range map[string]struct {
		resp provider.Response
		err  error
		want string
	}{
		"success": {provider.Response{Files: []render.File{file, file}, Reads: []string{"a@1"}, Connection: "team",
			Credential: "token 1"}, nil,
			"[result ok pod store/web-0 uid 1 serviceAccount web secretProviderClass store/shop connection team credential " +
				"token 1 " +
				"secrets [a@1] files 2 bytes 14 took 2ms]"},
		"stale": {provider.Response{Stale: []string{"a@1 read 5m0s ago"}, StaleBecause: "HTTP 503"}, nil,
			"bytes 0 took 2ms stale [a@1 read 5m0s ago] staleBecause HTTP 503]"},
		"fallback": {provider.Response{Fallback: read.FallbackReads{Connection: "rbx", Credential: "token 2",
			Reads: []string{"b@1"}, Because: "HTTP 501"}}, nil,
			"took 2ms fallback [b@1] fallbackConnection rbx fallbackCredential token 2 fallbackBecause HTTP 501]"},
		"failure": {provider.Response{},
			&failure.Error{Failures: []failure.Failure{{Kind: failure.Denied, What: "two\nlines", Hidden: "why"}}},
			"took 2ms reason why error : two lines]"},
		"a plain error": {provider.Response{}, errors.New("x"), "took 2ms error x]"},
	} {
		r := recordOf(auditedRequest, c.resp, c.err, 2*time.Millisecond)
		if got := fmt.Sprint(r.line()); !strings.HasSuffix(got, c.want) || strings.Contains(got, "planted") {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
	}
}

func TestLongListsOfARecordAreCut(t *testing.T) {
	var reads []string
	for i := range auditList + 3 {
		reads = append(reads, fmt.Sprint("s", i))
	}
	got := atMost(auditList, reads)
	if len(got) != auditList+1 || got[auditList] != "and 3 more" || len(reads) != auditList+3 {
		t.Errorf("%d entries, the last is %s", len(got), got[len(got)-1])
	}
	if got := atMost(auditList, reads[:auditList]); len(got) != auditList {
		t.Errorf("%d entries", len(got))
	}
}
