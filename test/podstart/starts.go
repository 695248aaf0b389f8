// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// start is the start of one pod.
type start struct {
	pod, uid string
	took     time.Duration // from before the POST until the container's process ran
}

// ready is how long a pod may take to start.
const ready = 5 * time.Minute

// begin creates a pod, waits until its container runs, and returns how long that took by the container's own clock.
func (p *podstart) begin(ctx context.Context, k kind, pod string) (start, error) {
	ctx, cancel := context.WithTimeout(ctx, ready)
	defer cancel()
	body := k.pod(pod, p.image)
	began := time.Now()
	answer, err := p.call(ctx, http.MethodPost, p.path("pods"), body)
	if err != nil {
		return start{}, err
	}
	var created struct{ Metadata struct{ UID string } }
	if err := json.Unmarshal(answer, &created); err != nil {
		return start{}, err
	}
	if err := p.pods.await(ctx, p.pods.of(pod).running); err != nil {
		return start{}, fmt.Errorf("pod %s did not start: %w", pod, err)
	}
	ran, err := p.clock(ctx, pod)
	return start{pod, created.Metadata.UID, ran.Sub(began)}, err
}

// clock returns when the container's process began, from its log.
func (p *podstart) clock(ctx context.Context, pod string) (time.Time, error) {
	for {
		line, err := p.call(ctx, http.MethodGet, p.path("pods/"+pod+"/log"), nil)
		if err != nil {
			return time.Time{}, err
		}
		if text, _, whole := strings.Cut(string(line), "\n"); whole {
			nanoseconds, err := strconv.ParseInt(text, 10, 64)
			return time.Unix(0, nanoseconds), err
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil { // the line is not yet in the file
			return time.Time{}, err
		}
	}
}

// end deletes pods and waits until they are gone.
func (p *podstart) end(ctx context.Context, pods ...string) error {
	for _, pod := range pods {
		if _, err := p.call(ctx, http.MethodDelete, p.path("pods/"+pod), nil); err != nil {
			return err
		}
	}
	for _, pod := range pods {
		if err := p.pods.await(ctx, p.pods.of(pod).gone); err != nil {
			return fmt.Errorf("pod %s is not gone: %w", pod, err)
		}
	}
	return nil
}

// inTurn starts pods of all kinds one after the other. The kinds take turns, so that other load of the machine affects
// all of them. If it fails, it returns the starts so far too.
func (p *podstart) inTurn(ctx context.Context, count int) (map[string][]start, error) {
	all := map[string][]start{}
	for i := range count {
		for _, k := range kinds {
			s, err := p.begin(ctx, k, turn(k, i))
			if err != nil {
				return all, err
			}
			all[k.name] = append(all[k.name], s)
			if err := p.end(ctx, s.pod); err != nil {
				return all, err
			}
			// kubelet looks at pods and volumes at fixed intervals. Without a random pause, all pods start at the same
			// point of one.
			if err := pause(ctx, 200*time.Millisecond+rand.N(300*time.Millisecond)); err != nil {
				return all, err
			}
		}
	}
	return all, nil
}

// atOnce starts pods of one kind at the same time.
func (p *podstart) atOnce(ctx context.Context, k kind, count int) ([]start, error) {
	starts, failed := make([]start, count), make([]error, count)
	var all sync.WaitGroup
	for i := range count {
		all.Go(func() { starts[i], failed[i] = p.begin(ctx, k, crowd(k, i)) })
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	names := make([]string, count)
	for i := range starts {
		names[i] = starts[i].pod
	}
	if err := p.end(ctx, names...); err != nil {
		return nil, err
	}
	return starts, pause(ctx, 5*time.Second) // kubelet still removes what the pods left
}

// turn and crowd return the names of pods.
func turn(k kind, i int) string  { return fmt.Sprintf("%s-turn-%d", k.name, i) }
func crowd(k kind, i int) string { return fmt.Sprintf("%s-crowd-%d", k.name, i) }

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
