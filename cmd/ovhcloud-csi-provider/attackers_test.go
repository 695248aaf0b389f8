// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// The attackers and their stores run in a process of their own, and get a processor
// only when the daemon and its honest callers want none, so that the test measures the daemon
// and not its attackers. The process exchanges lines of JSON with the test.

// attackStores is the first line of the attackers: where their stores are.
type attackStores struct{ HTTP2, HTTP1 string }

// attackTarget is the first line to the attackers: the daemon, and the store of the
// honest mounts.
type attackTarget struct{ Socket, URL, CA, OKMSID string }

// attackOrder has the attackers send one wave.
type attackOrder struct {
	Kind, Mounts int
	Seed         uint64
}

// attackReport is what came of a wave.
type attackReport struct {
	Kind, Mounts int
	Took         time.Duration
	// Codes counts the answers by code, and Said has a message of each.
	Codes map[string]int
	Said  map[string]string
	// Forbidden are answers with one of the five codes to callers that had not given up.
	Forbidden int
}

// gaveUp is the code in Codes for callers that did not wait for the answer.
const gaveUp = "gave up"

// kubeletPatience is how long kubelet waits for a mount.
const kubeletPatience = 2 * time.Minute

// forbiddenCodes are those after which a pod may start with an empty volume.
var forbiddenCodes = []codes.Code{codes.Unavailable, codes.ResourceExhausted, codes.DeadlineExceeded,
	codes.Canceled, codes.Aborted}

// attackers is the attackers' process.
type attackers struct {
	http1, http2, honest *harness.Store
	clients              []pb.CSIDriverProviderClient // each with a connection of its own

	mu sync.Mutex // of what is written
}

// storeAt returns a store of another process, to make requests with.
func storeAt(url, ca, okmsID string) *harness.Store {
	domain := must(emulator.New(emulator.Options{OKMSID: okmsID}))
	return &harness.Store{Emulator: domain, Server: &emulator.Server{URL: url, CA: []byte(ca)}}
}

// TestAttackers is the attackers' process, which TestMixedAttack starts.
func TestAttackers(t *testing.T) {
	if os.Getenv("ATTACKERS") == "" {
		t.Skip("it is a part of TestMixedAttack")
	}
	http1, http2 := startHostileStore(false), startHostileStore(true)
	a := &attackers{http1: storeAt(http1.URL, http1.ca, ""), http2: storeAt(http2.URL, http2.ca, "")}
	a.report(attackStores{http2.URL, http1.URL})
	lines := bufio.NewScanner(os.Stdin)
	var target attackTarget
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &target) != nil {
		os.Exit(1)
	}
	a.honest = storeAt(target.URL, target.CA, target.OKMSID)
	for range 5 {
		a.clients = append(a.clients, harness.Dial(t, target.Socket))
	}
	for lines.Scan() {
		var order attackOrder
		if json.Unmarshal(lines.Bytes(), &order) == nil {
			go func() { a.report(a.wave(order)) }()
		}
	}
	os.Exit(0) // the test has ended; nothing here is to be cleaned up
}

func (a *attackers) report(v any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fmt.Println(string(must(json.Marshal(v))))
}

// wave sends the mounts of an order at once, over one connection or over several, and
// waits for all answers.
func (a *attackers) wave(o attackOrder) attackReport {
	kind := attackKinds[slices.IndexFunc(attackKinds, func(k attackKind) bool { return k.number == o.Kind })]
	random := rand.New(rand.NewPCG(o.Seed, 0))
	clients := a.clients[:1]
	if random.IntN(3) == 0 {
		clients = a.clients
	}
	r := attackReport{Kind: o.Kind, Mounts: o.Mounts, Codes: map[string]int{}, Said: map[string]string{}}
	senders := o.Mounts
	if kind.serial {
		senders = 8
	}
	begin := time.Now()
	next := make(chan *pb.MountRequest)
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			for req := range next {
				a.send(clients[i%len(clients)], kind, req, &r)
			}
		})
	}
	for range o.Mounts {
		next <- kind.request(a, random)
	}
	close(next)
	all.Wait()
	r.Took = time.Since(begin)
	return r
}

// send sends one mount and notes what came of it.
func (a *attackers) send(client pb.CSIDriverProviderClient, kind attackKind, req *pb.MountRequest, r *attackReport) {
	patience := kubeletPatience
	if kind.patience > 0 {
		patience = kind.patience
	}
	deadline := time.Now().Add(patience)
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	_, err := client.Mount(ctx, req)
	code := status.Code(err)
	name := code.String()
	if !time.Now().Before(deadline) { // gRPC sees it before ctx does
		name = gaveUp
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Codes[name]++; r.Said[name] == "" && err != nil {
		r.Said[name] = fmt.Sprintf("%.300s", err)
	}
	if name != gaveUp && slices.Contains(forbiddenCodes, code) {
		r.Forbidden++
	}
}

// token is one that was never sent before.
func (a *attackers) token(r *rand.Rand) string {
	return fmt.Sprintf("%s%016x%016x", plantedInAttack, r.Uint64(), r.Uint64())
}

func (a *attackers) store(r *rand.Rand) *harness.Store {
	if r.IntN(2) == 0 {
		return a.http1
	}
	return a.http2
}

// mount is a mount with one of the hostile stores.
func (a *attackers) mount(r *rand.Rand, m harness.Mount) *pb.MountRequest {
	return a.mountAt(a.store(r), r, m)
}

// mountAt is a mount of the attackers' namespace with a store. Its credential is a token
// of its own if m has none.
func (a *attackers) mountAt(store *harness.Store, r *rand.Rand, m harness.Mount) *pb.MountRequest {
	if m.Token == "" {
		m.Token = a.token(r)
	}
	attributes := map[string]string{"csi.storage.k8s.io/pod.namespace": "attacker", "secretProviderClass": "attack"}
	for name, value := range m.Attributes {
		attributes[name] = value
	}
	m.Attributes = attributes
	return store.Request(m)
}
