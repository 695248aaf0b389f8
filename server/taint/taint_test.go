// SPDX-License-Identifier: Apache-2.0

package taint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/server/kube/kubetest"
)

const (
	key      = "ovhcloud-csi-provider/not-ready"
	nodePath = "/api/v1/nodes/node-1"
	csiPath  = "/apis/storage.k8s.io/v1/csinodes/node-1"
)

// cluster is a server with the node, tainted twice by us and once by another, and with the driver
// if it is there.
func cluster(s *kubetest.Server, withDriver bool) {
	s.Put(nodePath, map[string]any{"spec": map[string]any{"providerID": "x", "taints": []any{
		map[string]any{"key": key, "effect": "NoSchedule"},
		map[string]any{"key": "other", "effect": "NoSchedule", "newField": "kept"},
		map[string]any{"key": key, "value": "v", "effect": "NoExecute"}}}})
	if withDriver {
		s.Put(csiPath, map[string]any{"spec": map[string]any{"drivers": []any{
			map[string]any{"name": "cinder.csi.openstack.org"},
			map[string]any{"name": driver}}}})
	}
}

// taints returns the taints of the node.
func taints(s *kubetest.Server) string {
	return fmt.Sprint(s.Object(nodePath)["spec"].(map[string]any)["taints"])
}

const othersOnly = "[map[effect:NoSchedule key:other newField:kept]]"

// removing runs f in a bubble, with a Config for a server and what Remove does in the background.
// f returns a Config; ended reports whether Remove has returned.
func removing(t *testing.T, prepare func(*kubetest.Server, *Config), f func(s *kubetest.Server, ended func() bool)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, stop := kubetest.StartInMemory(t)
		defer stop()
		c := Config{API: s.API, Node: "node-1", Key: key, Serves: func() error { return nil }}
		prepare(s, &c)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan struct{})
		go func() { defer close(done); Remove(ctx, c) }()
		time.Sleep(time.Second)
		f(s, func() bool {
			synctest.Wait()
			select {
			case <-done:
				return true
			default:
				return false
			}
		})
		cancel()
		<-done
	})
}

func TestTheTaintIsRemovedAndNothingElse(t *testing.T) {
	removing(t, func(s *kubetest.Server, c *Config) { cluster(s, true) }, func(s *kubetest.Server, ended func() bool) {
		if got := taints(s); got != othersOnly || !ended() {
			t.Errorf("taints %s, ended %t", got, ended())
		}
		if id := s.Object(nodePath)["spec"].(map[string]any)["providerID"]; id != "x" {
			t.Errorf("the node was changed: %v", s.Object(nodePath))
		}
		n := len(s.Requests())
		time.Sleep(time.Hour)
		if len(s.Requests()) != n {
			t.Error("it does not stop after its success")
		}
	})
}

// TestARestartAfterTheSuccessChangesNothing: the taint may be given again by the operator, for
// another daemon.
func TestARestartAfterTheSuccessChangesNothing(t *testing.T) {
	removing(t, func(s *kubetest.Server, c *Config) {
		cluster(s, true)
		s.Put(nodePath, map[string]any{"spec": map[string]any{}})
	}, func(s *kubetest.Server, ended func() bool) {
		if !ended() || len(s.Requests()) != 2 {
			t.Errorf("ended %t, requests %+v", ended(), s.Requests())
		}
	})
}

// TestTheTaintStaysUntilSecretsCanBeMounted: each condition alone keeps it.
func TestTheTaintStaysUntilSecretsCanBeMounted(t *testing.T) {
	var ready atomic.Bool
	when := func() error {
		if !ready.Load() {
			return errors.New("not yet")
		}
		return nil
	}
	for name, c := range map[string]struct {
		prepare func(*kubetest.Server, *Config)
		come    func(*kubetest.Server)
		after   time.Duration // how long it is not ready
	}{
		"the socket": {func(s *kubetest.Server, c *Config) { cluster(s, true); c.Serves = when },
			func(*kubetest.Server) { ready.Store(true) },
			10 * time.Minute},
		"the driver": {func(s *kubetest.Server, c *Config) { cluster(s, false) },
			func(s *kubetest.Server) { cluster(s, true) }, 10 * time.Minute},
		"the driver of a node with others": {func(s *kubetest.Server, c *Config) {
			cluster(s, false)
			s.Put(csiPath, map[string]any{"spec": map[string]any{"drivers": nil}})
		}, func(s *kubetest.Server) { cluster(s, true) }, 10 * time.Minute},
		"a connection": {func(s *kubetest.Server, c *Config) { cluster(s, true); c.Connections = when },
			func(*kubetest.Server) { ready.Store(true) }, patience - 35*time.Second},
		"a connection that stays broken": {func(s *kubetest.Server, c *Config) { cluster(s, true); c.Connections = when },
			func(*kubetest.Server) {}, patience - 2*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			ready.Store(false)
			removing(t, c.prepare, func(s *kubetest.Server, ended func() bool) {
				time.Sleep(c.after)
				if ended() || !strings.Contains(taints(s), key) {
					t.Fatalf("the taint is gone: %s", taints(s))
				}
				c.come(s)
				time.Sleep(mostBackoff + 3*time.Second)
				if got := taints(s); !ended() || got != othersOnly {
					t.Errorf("the taint stays: %s", got)
				}
			})
		})
	}
}

// TestTheLogSaysWhyTheTaintStays, not more than once for each reason.
func TestTheLogSaysWhyTheTaintStays(t *testing.T) {
	const names = " taint=" + key + " node=node-1"
	for _, c := range []struct {
		prepare func(*kubetest.Server, *Config)
		want    string
	}{
		{func(s *kubetest.Server, c *Config) { cluster(s, false) }, `level=INFO msg="the startup taint stays for now"` +
			names + ` reason="the driver secrets-store.csi.k8s.io is not registered on the node yet"` + "\n" +
			`level=INFO msg="the startup taint is removed"` + names + "\n"},
		{func(s *kubetest.Server, c *Config) {
			cluster(s, true)
			s.Put(nodePath, map[string]any{"spec": map[string]any{}})
		}, `level=INFO msg="the node has no startup taint"` + names + "\n"},
	} {
		state, out := klog.CaptureState(), bytes.Buffer{}
		klog.SetSlogLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}})))
		removing(t, c.prepare, func(s *kubetest.Server, ended func() bool) {
			time.Sleep(10 * time.Minute)
			if !ended() {
				cluster(s, true)
			}
			time.Sleep(time.Minute)
		})
		state.Restore()
		if out.String() != c.want {
			t.Errorf("got\n%swant\n%s", out.String(), c.want)
		}
	}
}

// TestTheAPIServerMayFailAtFirst: conflicts, refusals and silence are tried again.
func TestTheAPIServerMayFailAtFirst(t *testing.T) {
	for name, fault := range map[string]func(s *kubetest.Server, w http.ResponseWriter, r *http.Request) bool{
		"conflicts": func(s *kubetest.Server, _ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPatch { // kubelet changes the node at the same moment
				s.Put(nodePath, s.Object(nodePath))
			}
			return false
		},
		"forbidden":    refuse(403, "Forbidden"),
		"limited":      refuse(429, "TooManyRequests"),
		"broken":       refuse(500, ""),
		"unauthorised": refuse(401, "Unauthorized"),
		"slow": func(_ *kubetest.Server, w http.ResponseWriter, r *http.Request) bool {
			return kubetest.Slow(time.Minute)(w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			requests, begin := 0, time.Now()
			removing(t, func(s *kubetest.Server, c *Config) {
				cluster(s, true)
				begin = time.Now()
				s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
					return time.Since(begin) < 3*time.Minute && fault(s, w, r)
				}
			}, func(s *kubetest.Server, ended func() bool) {
				time.Sleep(170 * time.Second)
				if requests = len(s.Requests()); ended() || !strings.Contains(taints(s), key) || requests > 40 || requests < 4 {
					t.Errorf("ended %t, taints %s, %d requests", ended(), taints(s), requests)
				}
				time.Sleep(time.Minute)
				if got := taints(s); got != othersOnly || !ended() {
					t.Errorf("taints %s, ended %t", got, ended())
				}
			})
		})
	}
}

// refuse is a fault that refuses all requests.
func refuse(status int, reason string) func(*kubetest.Server, http.ResponseWriter, *http.Request) bool {
	return func(_ *kubetest.Server, w http.ResponseWriter, _ *http.Request) bool {
		kubetest.Refuse(w, status, reason)
		return true
	}
}

// TestErrorsSayWhatToDo: they are in the log until the taint is gone.
func TestErrorsSayWhatToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := kubetest.StartInMemory(t)
		defer stop()
		c := Config{API: s.API, Node: "node-1", Key: key, Serves: func() error { return nil }}
		s.Put(csiPath, map[string]any{"spec": map[string]any{"drivers": []any{map[string]any{"name": driver}}}})
		if err := c.try(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "--node-name must be") {
			t.Error(err)
		}
		s.Fault = func(w http.ResponseWriter, _ *http.Request) bool { kubetest.Refuse(w, 403, "Forbidden"); return true }
		if err := c.try(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "needs the permissions get csinodes") {
			t.Error(err)
		}
	})
}

func TestKeysOfKubernetesAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		key: "", "not-ready": "", "a.example/B_c.d": "",
		"":                             "is not the key of a taint",
		"a b":                          "is not the key of a taint",
		"a/b/c":                        "is not the key of a taint",
		"/b":                           "is not the key of a taint",
		"a/":                           "is not the key of a taint",
		"A.example/b":                  "is not the key of a taint",
		"node.kubernetes.io/not-ready": "belongs to Kubernetes",
		"kubernetes.io/x":              "belongs to Kubernetes",
		"x.k8s.io/x":                   "belongs to Kubernetes",
	} {
		if err := CheckKey(text); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
