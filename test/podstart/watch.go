// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
)

// watch knows which pods of a namespace run, and which are gone.
type watch struct {
	mu     sync.Mutex
	states map[string]*state
	ended  chan struct{} // closed when no more events come
	err    error         // why; set before ended is closed
}

// state has a channel for each event of a pod, which is closed when it happens.
type state struct {
	seen          bool
	running, gone chan struct{}
}

// listed is what is read of a pod.
type listed struct {
	Metadata struct{ Name string }
	Status   struct{ Phase string }
}

// follow begins to watch the pods of a namespace, until ctx ends.
func follow(ctx context.Context, c *cluster, namespace string) *watch {
	w := &watch{states: map[string]*state{}, ended: make(chan struct{})}
	path := "/api/v1/namespaces/" + namespace + "/pods"
	go func() {
		defer close(w.ended)
		for w.err == nil {
			// The API server ends the watch of a client that is slow, as all are while many pods start at once.
			if version, err := w.list(ctx, c, path); err != nil {
				w.err = err
			} else {
				w.err = w.events(ctx, c, path+"?watch=1&resourceVersion="+version)
			}
		}
	}()
	return w
}

// list takes the pods as they are, and returns the version that a watch begins at.
func (w *watch) list(ctx context.Context, c *cluster, path string) (string, error) {
	var all struct {
		Metadata struct{ ResourceVersion string }
		Items    []listed
	}
	if err := c.get(ctx, path, &all); err != nil {
		return "", err
	}
	there := map[string]bool{}
	for _, pod := range all.Items {
		there[pod.Metadata.Name] = true
		w.take(pod, false)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, s := range w.states {
		if s.seen && !there[name] {
			once(s.gone)
		}
	}
	return all.Metadata.ResourceVersion, nil
}

// events takes events until the watch ends. The error is that of its begin.
func (w *watch) events(ctx context.Context, c *cluster, path string) error {
	resp, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("watching the pods: %s", resp.Status)
	}
	for events := json.NewDecoder(resp.Body); ; {
		var event struct {
			Type   string
			Object json.RawMessage
		}
		if events.Decode(&event) != nil || event.Type == "ERROR" {
			return nil
		}
		var pod listed
		if err := json.Unmarshal(event.Object, &pod); err != nil {
			return err
		}
		w.take(pod, event.Type == "DELETED")
	}
}

// take notes what a pod is.
func (w *watch) take(pod listed, gone bool) {
	s := w.of(pod.Metadata.Name)
	w.mu.Lock()
	defer w.mu.Unlock()
	s.seen = true
	if pod.Status.Phase == "Running" {
		once(s.running)
	}
	if gone {
		once(s.gone)
	}
}

// once closes a channel that may be closed already.
func once(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// of returns the state of a pod.
func (w *watch) of(pod string) *state {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.states[pod] == nil {
		w.states[pod] = &state{running: make(chan struct{}), gone: make(chan struct{})}
	}
	return w.states[pod]
}

// await waits for an event.
func (w *watch) await(ctx context.Context, event chan struct{}) error {
	select {
	case <-event:
		return nil
	case <-w.ended:
		return fmt.Errorf("the watch of the pods ended: %w", w.err)
	case <-ctx.Done():
		return ctx.Err()
	}
}
