// SPDX-License-Identifier: Apache-2.0

package shapes

import (
	"fmt"
	"strings"
	"testing"
	"time"

	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/test/harness"
)

// reads counts the requests for secrets.
func reads(d *harness.Daemon) (n int) {
	for _, r := range d.Store.Requests() {
		if strings.Contains(r.URI, "/secret/") {
			n++
		}
	}
	return n
}

// mount mounts the volume of a pod, and returns the content of its file and its version.
func mount(t *testing.T, d *harness.Daemon, m harness.Mount, pod string) string {
	t.Helper()
	req := d.Request(m)
	req.TargetPath = "/pods/" + pod
	resp, err := d.Client.Mount(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return string(resp.GetFiles()[0].GetContents())
}

// none lets a value last for the whole refreshInterval, also the first one.
func none(time.Duration) time.Duration { return 0 }

// TestRefreshInterval: a running pod's volume is answered from memory while what it has is younger;
// a pod that starts gets what is current, and so does one whose class changed.
func TestRefreshInterval(t *testing.T) {
	now := &harness.Clock{}
	d := harness.Start(t, harness.Options{CacheTTL: 30 * time.Second, Now: now.Now, Jitter: none})
	hold := func(v string) { d.Store.Hold(t, map[string]string{"s": v}) }
	hold(`{"v":1}`)
	m := harness.Mount{Objects: "- {secretPath: s}\n", Attributes: map[string]string{"refreshInterval": "30m"}}
	want := func(what, pod string, m harness.Mount, content string, requests int) {
		t.Helper()
		before := reads(d)
		if got := mount(t, d, m, pod); got != content || reads(d)-before != requests {
			t.Errorf("%s: got %s with %d requests, want %s with %d", what, got, reads(d)-before, content, requests)
		}
	}
	want("the first pod", "a", m, `{"v":1}`, 1)
	now.Advance(time.Minute)
	hold(`{"v":2}`)
	want("its renewal", "a", m, `{"v":1}`, 0)
	now.Advance(28 * time.Minute)
	want("a later renewal", "a", m, `{"v":1}`, 0)
	want("a pod that starts", "b", m, `{"v":2}`, 1)
	want("a renewal after that", "a", m, `{"v":2}`, 0)
	now.Advance(2 * time.Minute)
	hold(`{"v":3}`)
	want("a renewal within the new interval", "a", m, `{"v":2}`, 0)
	changed := m
	changed.Objects = "- {secretPath: s, filePermission: 0400}\n"
	want("a changed class", "a", changed, `{"v":3}`, 1)
	now.Advance(31 * time.Minute)
	hold(`{"v":4}`)
	want("an old value", "b", m, `{"v":4}`, 1)
	own := harness.Mount{Objects: "- {secretPath: s, refreshInterval: 0s}\n", Attributes: m.Attributes}
	want("an object without", "c", own, `{"v":4}`, 0)
	now.Advance(time.Minute)
	want("its renewal", "c", own, `{"v":4}`, 1)
}

// TestARefusalIsHeardInSpiteOfRefreshInterval: what is refused is not served from memory.
func TestARefusalIsHeardInSpiteOfRefreshInterval(t *testing.T) {
	now := &harness.Clock{}
	d := harness.Start(t, harness.Options{CacheTTL: 30 * time.Second, Now: now.Now})
	d.Store.Hold(t, map[string]string{"s": `{"v":1}`})
	m := harness.Mount{Objects: "- {secretPath: s}\n", Attributes: map[string]string{"refreshInterval": "30m"}}
	mount(t, d, m, "a")
	d.Store.RevokeToken(harness.Token)
	now.Advance(time.Minute)
	req := d.Request(m)
	req.TargetPath = "/pods/b"
	if _, err := d.Client.Mount(t.Context(), req); err == nil {
		t.Fatal("a revoked token reads")
	}
	req.TargetPath = "/pods/a"
	if _, err := d.Client.Mount(t.Context(), req); err == nil {
		t.Error("a renewal was served after a refusal")
	}
}

// TestReadsOfADay: 110 pods with ten secrets, renewed for a day, read each secret
// once in half an hour.
func TestReadsOfADay(t *testing.T) {
	now := &harness.Clock{}
	d := harness.Start(t, harness.Options{CacheTTL: 30 * time.Second, Now: now.Now, Jitter: none})
	d.Store.HoldMany(t, "many", 10)
	m := harness.Mount{Objects: harness.Objects("many", 10), Attributes: map[string]string{"refreshInterval": "30m"}}
	var pods []*pb.MountRequest
	for i := range 110 {
		req := d.Request(m)
		req.TargetPath = fmt.Sprint("/pods/", i)
		pods = append(pods, req)
	}
	for minutes := 0; minutes < 24*60; minutes += 5 {
		for i, req := range pods {
			if minutes > 0 && i%22 != minutes/5%22 { // five pods at a time are enough: the others get the same
				continue
			}
			if _, err := d.Client.Mount(t.Context(), req); err != nil {
				t.Fatal(err)
			}
		}
		now.Advance(5 * time.Minute)
	}
	if got, want := reads(d), 10*48; got > want || got < want*9/10 {
		t.Errorf("%d reads in a day, want %d", got, want)
	}
}
