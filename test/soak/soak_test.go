// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

const (
	workers = 16
	paths   = 40
	// mounts is how many mounts each worker does in a round.
	mounts = 50
	// shortRounds is the number of rounds if SOAK is not set.
	shortRounds = 3
	// slack is how many goroutines and descriptors the runtime, gRPC and the test may
	// use themselves.
	slack = 8
)

// faults are the faults of the store, which spoil injects one after the other.
var faults = []emulator.Fault{
	{Status: 503}, {Status: 500}, {Status: 502, ContentType: "text/html", Body: "<html>bad gateway</html>"},
	{Status: 429, RetryAfter: "1"}, {Status: 429, RetryAfter: "soon"}, {Hang: true}, {Truncate: true},
	{CloseAfterHeaders: true},
	{Status: 200, ContentType: "text/html", Body: "<html>hello</html>"}, {Redirect: "https://evil.example/"},
	{Delay: 50 * time.Millisecond},
}

// soak is a daemon with its store, and counts of mounts.
type soak struct {
	*harness.Daemon
	provider *provider.Provider
	past     atomic.Int64 // of the provider's clock, which mounts and settle advance
	written  atomic.Int64 // the highest value of a secret
	served   atomic.Int64 // mounts that succeeded
	refused  atomic.Int64 // mounts that failed
}

func start(t *testing.T) *soak {
	t.Helper()
	s := &soak{}
	store := harness.StartStore(t)
	endpoints, err := place.ParseEndpoints([]string{store.URL})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	s.provider = provider.New(provider.Config{Endpoints: endpoints,
		Reader: provider.ReaderConfig{MaxReads: 16, CacheTTL: 30 * time.Second,
			CacheBytes: 64 << 10, MaxStale: 5 * time.Minute,
			Now: func() time.Time { return begin.Add(time.Duration(s.past.Load())) }}})
	t.Cleanup(s.provider.Close)
	s.Daemon = harness.Start(t, harness.Options{Mounter: s.provider, Emulator: store, MountTimeout: time.Second})
	s.write(t)
	return s
}

// write gives every secret a new version.
func (s *soak) write(t *testing.T) {
	next := s.written.Add(1)
	for i := range paths {
		s.Store.Hold(t,
			map[string]string{fmt.Sprintf("soak/s%d", i): fmt.Sprintf(`{"a":"%d","b":"%d","pad":"%s"}`, next, next,
				strings.Repeat("x", 2000))})
	}
}

// round makes all workers mount while the store fails, secrets are written, and tokens are added
// and revoked.
func (s *soak) round(t *testing.T, number int) {
	token := fmt.Sprintf("token-%d", number)
	if err := s.Store.AddToken(token, emulator.Identity{Name: token}); err != nil {
		t.Fatal(err)
	}
	defer s.Store.RevokeToken(token)
	cert, key, err := s.Store.IssueCertificate(emulator.Identity{Name: "by certificate"})
	if err != nil {
		t.Fatal(err)
	}
	credentials := []map[string]string{{"token": token}, {"token": harness.Token},
		{"tls.crt": string(cert), "tls.key": string(key)}, {"token": "never-valid"}}
	ctx, stop := context.WithCancel(t.Context())
	var working, spoiling sync.WaitGroup
	spoiling.Go(func() { s.spoil(ctx, t, number) })
	for worker := range workers {
		working.Go(func() {
			chance := rand.New(rand.NewPCG(uint64(number), uint64(worker)))
			for range mounts {
				s.past.Add(int64(100 * time.Millisecond))
				s.mount(t, chance.IntN(paths-4), 1+chance.IntN(4), worker%8, credentials[chance.IntN(len(credentials))])
			}
		})
	}
	working.Wait()
	stop()
	spoiling.Wait()
}

// spoil injects the faults one after the other, each for ten requests, followed by thirty requests
// without a fault. It writes new versions after each fault, and ends when ctx is done.
func (s *soak) spoil(ctx context.Context, t *testing.T, number int) {
	for i := 0; ctx.Err() == nil; i++ {
		f := faults[(number+i)%len(faults)]
		f.Times = 10
		fix := s.Store.Break(t, f)
		s.Store.ResetRequests()
		_ = s.Store.Await(ctx, 10) // fails only if ctx is done
		fix()
		s.past.Add(int64(30 * time.Second)) // ends the backoff and the TTL of the cache
		s.write(t)
		_ = s.Store.Await(ctx, 40)
		s.provider.Sweep()
	}
}

// mount requests two keys of each of n secrets.
func (s *soak) mount(t *testing.T, first, n, class int, credential map[string]string) {
	var objects strings.Builder
	for i := first; i < first+n; i++ {
		fmt.Fprintf(&objects,
			"- {secretPath: soak/s%d, secretKey: a, objectName: a%d}\n- {secretPath: soak/s%d, secretKey: b, objectName: b%d}\n",
			i, i, i, i)
	}
	files, err := s.Do(t.Context(),
		harness.Mount{Objects: objects.String(), Secrets: credential,
			Attributes: map[string]string{"secretProviderClass": fmt.Sprint("class-", class)}})
	if err != nil {
		s.refused.Add(1)
		switch status.Code(err) {
		case codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted, codes.Aborted, codes.Unknown:
			t.Errorf("a mount failed with a code that is not final: %v", err)
		}
		return
	}
	s.served.Add(1)
	if credential["token"] == "never-valid" {
		t.Error("a token that was never valid got files")
	}
	for i := first; i < first+n; i++ {
		a, b := files[fmt.Sprint("a", i)], files[fmt.Sprint("b", i)]
		if value, err := strconv.Atoi(a); a != b || err != nil || int64(value) > s.written.Load() {
			t.Errorf("secret %d: got a=%q and b=%q, want equal values", i, a, b)
		}
	}
}

// level is the use of resources by the process.
type level struct {
	goroutines, descriptors int
	heap                    uint64 // bytes in use after a garbage collection
}

func (l level) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %.1f MB of heap", l.goroutines, l.descriptors, float64(l.heap)/1e6)
}

// settle lets the provider's caches expire, and returns the level as soon as it is not
// above wanted, or after 5 s.
func (s *soak) settle(t *testing.T, wanted level) level {
	t.Helper()
	s.past.Add(int64(time.Hour))
	s.Store.ResetRequests()
	s.provider.Sweep()
	patience := time.NewTimer(5 * time.Second)
	defer patience.Stop()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		now := measure(t)
		if now.goroutines <= wanted.goroutines && now.descriptors <= wanted.descriptors && now.heap <= wanted.heap {
			return now
		}
		select {
		case <-again.C:
		case <-patience.C:
			return now
		}
	}
}

func measure(t *testing.T) level {
	t.Helper()
	var l level
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil { // the directory exists on Linux only
		l.descriptors = len(entries)
	}
	runtime.GC()
	runtime.GC() // the second run frees objects that sync.Pool kept through the first
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	l.heap, l.goroutines = memory.HeapAlloc, runtime.NumGoroutine()
	return l
}

// rounds returns whether another round is due after done rounds: for the duration of
// SOAK, or shortRounds times if it is not set.
func rounds(t *testing.T) func(done int) bool {
	t.Helper()
	text := os.Getenv("SOAK")
	if text == "" {
		return func(done int) bool { return done < shortRounds }
	}
	lasts, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("SOAK: %v", err)
	}
	end := time.Now().Add(lasts)
	return func(int) bool { return time.Now().Before(end) }
}

func TestResourcesAreReleased(t *testing.T) {
	s := start(t)
	more := rounds(t)
	idle := measure(t)
	s.round(t, 0) // allocates everything that is kept until the end of the process
	before := s.settle(t,
		level{goroutines: idle.goroutines + slack, descriptors: idle.descriptors + slack, heap: idle.heap + 16<<20})
	done := 0
	for ; more(done) && !t.Failed(); done++ {
		s.round(t, done+1)
	}
	// The heap may grow by buffers and by versions in the store, which are limited.
	wanted := level{goroutines: before.goroutines + slack, descriptors: before.descriptors + slack,
		heap: before.heap + 4<<20}
	after := s.settle(t, level{goroutines: before.goroutines, descriptors: before.descriptors, heap: wanted.heap})
	t.Logf("%d rounds: %d mounts served, %d refused; before %s, after %s", done+1, s.served.Load(), s.refused.Load(),
		before, after)
	if after.goroutines > wanted.goroutines || after.descriptors > wanted.descriptors || after.heap > wanted.heap {
		t.Errorf("resources were not released: before %s, after %s", before, after)
	}
	s.mount(t, 0, 4, 0, map[string]string{"token": harness.Token})
	if s.served.Load() == 0 || s.refused.Load() == 0 {
		t.Error("all mounts succeeded, or none: the test proves nothing")
	}
}
