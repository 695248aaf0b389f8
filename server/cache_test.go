package server_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// clock is a clock that stands still between the steps of a test.
type clock struct{ past atomic.Int64 }

var midday = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func (c *clock) now() time.Time               { return midday.Add(time.Duration(c.past.Load())) }
func (c *clock) advance(passed time.Duration) { c.past.Add(int64(passed)) }

// objects is the YAML of n whole secrets of a folder.
func objects(folder string, n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "- secretPath: %s/s%d\n", folder, i)
	}
	return text.String()
}

func hold(t *testing.T, s *harness.Store, folder string, n int) {
	t.Helper()
	for i := range n {
		s.Hold(t, map[string]string{fmt.Sprintf("%s/s%d", folder, i): fmt.Sprintf(`{"v":"%s %d"}`, folder, i)})
	}
}

// mustMount mounts, and wants the file of a path to hold this.
func mustMount(t *testing.T, d *harness.Daemon, m harness.Mount, file, content string) {
	t.Helper()
	files, err := d.Do(t.Context(), m)
	if err != nil {
		t.Error(err)
	} else if files[file] != content {
		t.Errorf("file %s holds %q, want %q", file, files[file], content)
	}
}

func TestANodeFullOfPodsReadsEachSecretOnce(t *testing.T) {
	const pods = 110
	now := &clock{}
	d := harness.Start(t, harness.Options{CacheTTL: 30 * time.Second, Now: now.now})
	hold(t, d.Store, "shop", 10)
	d.Store.Break(t, emulator.Fault{Delay: 20 * time.Millisecond})
	storm := func() {
		var all sync.WaitGroup
		for range pods {
			all.Go(func() { mustMount(t, d, harness.Mount{Objects: objects("shop", 10)}, "s9", `{"v":"shop 9"}`) })
		}
		all.Wait()
	}
	for _, step := range []struct {
		name  string
		after time.Duration
		reads int
	}{{"nothing cached", 0, 10}, {"again within the ttl", 29 * time.Second, 10}, {"after the ttl", time.Second, 20}} {
		now.advance(step.after)
		storm()
		if got := len(d.Store.Requests()); got != step.reads {
			t.Errorf("%s: %d reads so far, want %d", step.name, got, step.reads)
		}
	}
	page := harness.Page(t, d.Admin+"/metrics")
	for _, line := range []string{`ovhcloud_csi_secret_reads_total{served="miss"} 20`, `ovhcloud_csi_secret_reads_total{served="stale"} 0`} {
		if !strings.Contains(page, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

func TestACredentialGetsNothingThatAnotherRead(t *testing.T) {
	d := harness.Start(t, harness.Options{CacheTTL: time.Hour})
	d.Store.Hold(t, map[string]string{"a/s": `{"v":"1"}`})
	if err := d.Store.AddToken("of-b", emulator.Identity{Name: "b", Paths: []string{"b/"}}); err != nil {
		t.Fatal(err)
	}
	mustMount(t, d, harness.Mount{Objects: "- secretPath: a/s"}, "s", `{"v":"1"}`)
	_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: a/s", Token: "of-b"})
	want(t, err, codes.PermissionDenied)
	_, err = d.Do(t.Context(), harness.Mount{Objects: "- secretPath: a/s", Token: "wrong"})
	want(t, err, codes.Unauthenticated)
}

func TestARevokedTokenIsOutOfUse(t *testing.T) {
	now := &clock{}
	d := harness.Start(t, harness.Options{CacheTTL: 30 * time.Second, MaxStale: time.Hour, Now: now.now})
	hold(t, d.Store, "shop", 2)
	one, other := harness.Mount{Objects: "- secretPath: shop/s0"}, harness.Mount{Objects: "- secretPath: shop/s1"}
	mustMount(t, d, one, "s0", `{"v":"shop 0"}`)
	now.advance(20 * time.Second)
	mustMount(t, d, other, "s1", `{"v":"shop 1"}`)
	d.Store.RevokeToken(harness.Token)
	now.advance(10 * time.Second)
	_, err := d.Do(t.Context(), one) // its time in the cache is over
	want(t, err, codes.Unauthenticated)
	_, err = d.Do(t.Context(), other) // that of this one was not, but OKMS has said 401
	want(t, err, codes.Unauthenticated)
	d.Store.Break(t, emulator.Fault{Status: 501})
	_, err = d.Do(t.Context(), one) // nor is anything stale left of it
	want(t, err, codes.Internal)
}

func TestAnAbsentSecretIsThereAsSoonAsItIsWritten(t *testing.T) {
	d := harness.Start(t, harness.Options{CacheTTL: time.Hour})
	m := harness.Mount{Objects: "- secretPath: new"}
	_, err := d.Do(t.Context(), m)
	want(t, err, codes.NotFound)
	d.Store.Hold(t, map[string]string{"new": `{"v":"1"}`})
	mustMount(t, d, m, "new", `{"v":"1"}`)
}

func TestTheReadsOfAMountAreSideBySide(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	hold(t, d.Store, "shop", 20)
	mend := d.Store.Break(t, emulator.Fault{Hang: true})
	var mount sync.WaitGroup
	mount.Go(func() { mustMount(t, d, harness.Mount{Objects: objects("shop", 20)}, "s19", `{"v":"shop 19"}`) })
	if err := d.Store.Await(t.Context(), 20); err != nil {
		t.Error(err)
	}
	mend()
	mount.Wait()
}
