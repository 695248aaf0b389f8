// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/test/memnet"
)

// Plan is a fleet and what happens to it. Each pod mounts Each of the Secrets that its node needs.
type Plan struct {
	Nodes, Pods   int // Pods on each node
	Secrets, Each int
	TTL           time.Duration // --cache-ttl
	Refresh       time.Duration // refreshInterval of the class; 0 is none
	Stale         time.Duration // --max-stale; 0 is none
	Rate          int           // requests a second that the store answers; the others get 429. 0 means no limit
	Spread        time.Duration // the pods start within this time, at random; 0 means all at once
	Lasts         time.Duration
	// The store is down From this time on, For so long. For 0 means never.
	From, For time.Duration
	Seed      uint64
}

// Result is what a run came to.
type Result struct {
	Requests []int         // that the store got, by second
	Limited  int           // of them answered with 429
	Failed   int           // mounts that failed, without those during the outage
	Started  time.Duration // when the last pod had its files
}

// The kubelet's times (source: docs of kubelet's syncFrequency, and pkg/kubelet: a pod is synced again after a minute,
// and up to half of that more; pkg/util/goroutinemap/exponentialbackoff for volumes).
const (
	syncEvery    = time.Minute
	firstBackoff = 500 * time.Millisecond
	mostBackoff  = 2*time.Minute + 2*time.Second
)

// Run runs a plan in simulated time.
func Run(t *testing.T, p Plan) (r Result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := startStore(t, p)
		defer s.stop()
		ctx, end := context.WithTimeout(t.Context(), p.Lasts)
		defer end()
		var all sync.WaitGroup
		var fleet counts
		for n := range p.Nodes {
			node := startNode(t, p, s, n)
			all.Go(func() { node.provider.Run(ctx) })
			for pod := range p.Pods {
				all.Go(func() { node.live(ctx, pod, &fleet) })
			}
			defer node.close()
		}
		all.Wait()
		r = Result{s.perSecond(p.Lasts), s.limited, fleet.failed, fleet.started}
	})
	return r
}

// counts are those of all pods.
type counts struct {
	mu      sync.Mutex
	failed  int
	started time.Duration
}

// node is one node with its provider.
type node struct {
	Plan
	number   int
	store    *store
	provider *provider.Provider
	began    time.Time
}

func startNode(t *testing.T, p Plan, s *store, number int) *node {
	t.Helper()
	endpoints, err := place.ParseEndpoints([]string{"http://" + address})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(p.Seed, uint64(number)))
	var mu sync.Mutex
	return &node{Plan: p, number: number, store: s, began: time.Now(), provider: provider.New(provider.Config{
		Endpoints: endpoints,
		Reader: provider.ReaderConfig{CacheTTL: p.TTL, MaxStale: p.Stale, Budget: budget.New(256 << 20), Dial: s.dial,
			Jitter: func(most time.Duration) time.Duration {
				mu.Lock()
				defer mu.Unlock()
				return time.Duration(random.Int64N(int64(most)))
			}},
	})}
}

func (n *node) close() { n.provider.Close() }

// live is the life of a pod, until ctx ends.
func (n *node) live(ctx context.Context, pod int, all *counts) {
	random := rand.New(rand.NewPCG(n.Seed, hash(fmt.Sprint(n.number, " ", pod))))
	if n.Spread > 0 {
		wait(ctx, time.Duration(random.Int64N(int64(n.Spread))))
	}
	backoff := firstBackoff
	for ctx.Err() == nil && !n.mount(ctx, pod, all) {
		wait(ctx, backoff)
		backoff = min(2*backoff, mostBackoff)
	}
	all.mu.Lock()
	if since := time.Since(n.began); ctx.Err() == nil && since > all.started {
		all.started = since
	}
	all.mu.Unlock()
	for ctx.Err() == nil {
		wait(ctx, syncEvery+time.Duration(random.Int64N(int64(syncEvery/2))))
		n.mount(ctx, pod, all)
	}
}

// mount mounts the volume of a pod. The pods of a node share a credential.
func (n *node) mount(ctx context.Context, pod int, all *counts) (ok bool) {
	if ctx.Err() != nil {
		return false
	}
	limited, cancel := context.WithTimeout(ctx, 45*time.Second)
	defer cancel()
	resp, err := n.provider.Mount(limited, provider.Request{
		Attributes: map[string]string{
			"endpoint": "http://" + address + "/api/" + n.store.OKMSID(), "objects": n.objects(pod),
			"secretProviderClass":              "shop",
			"refreshInterval":                  n.Refresh.String(),
			"csi.storage.k8s.io/pod.namespace": "shop", "csi.storage.k8s.io/pod.name": fmt.Sprint("pod-", pod),
		},
		Credentials: credential.Material{"token": sensitive.New([]byte(token))},
		Target:      fmt.Sprintf("/pods/%d", pod),
	})
	if err == nil && resp.Sent != nil {
		resp.Sent()
	}
	if err != nil && ctx.Err() == nil && !n.store.down() {
		all.mu.Lock()
		all.failed++
		all.mu.Unlock()
	}
	return err == nil
}

// objects is the list of a pod: Each of the secrets, which differ from pod to pod.
func (n *node) objects(pod int) string {
	var list strings.Builder
	for i := range n.Each {
		of := (pod + i) % n.Secrets
		fmt.Fprintf(&list, "- {secretPath: fleet/%d, objectName: f%d}\n", of, i)
	}
	return list.String()
}

// wait waits for d, or for ctx to end.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func hash(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	return h.Sum64()
}

// dial opens a connection to the store, in memory.
func (s *store) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if s.down() {
		return nil, memnet.Refused()
	}
	return s.listener.Dial(ctx)
}
