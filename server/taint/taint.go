// SPDX-License-Identifier: Apache-2.0

// Package taint removes a taint from this node when pods with secrets can start on it. Node pools
// give the taint to new nodes, so that the scheduler places no pod there before.
package taint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/server/kube"
)

// driver is the name under which the Secrets Store CSI driver registers at kubelet.
const driver = "secrets-store.csi.k8s.io"

const (
	// patience is how long a connection that is not in use keeps the taint. After that, mounts
	// through the other connections matter more: a mistake in one connection must not keep all
	// new nodes of a cluster empty.
	patience = 2 * time.Minute
	// mostBackoff is the longest wait between two attempts.
	mostBackoff = 30 * time.Second
)

// Config says which taint to remove, and when. All fields but Connections are required.
type Config struct {
	API *kube.API
	// Node is the name of this node.
	Node string
	// Key is that of the taint, whatever its value and effect.
	Key string
	// Serves returns nil if the daemon answers on its socket.
	Serves func() error
	// Connections returns nil if the newest state of every connection is in use. It may be nil.
	Connections func() error
}

// ownPart is the part of a key after its prefix.
var ownPart = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`)

// CheckKey returns why a text cannot be the key of the taint.
func CheckKey(key string) error {
	prefix, own, prefixed := strings.Cut(key, "/")
	if !prefixed {
		prefix, own = "", key
	}
	if prefixed && !kube.IsName(prefix) || !ownPart.MatchString(own) {
		return fmt.Errorf("%q is not the key of a taint, such as ovhcloud-csi-provider/not-ready", key)
	}
	for _, reserved := range []string{"kubernetes.io", "k8s.io"} {
		if prefix == reserved || strings.HasSuffix(prefix, "."+reserved) {
			return fmt.Errorf("%q belongs to Kubernetes; use a key of your own, such as ovhcloud-csi-provider/not-ready", key)
		}
	}
	return nil
}

// Remove removes the taint when the daemon serves, its connections are in use, and the driver is
// registered on the node. It retries until that has succeeded, or ctx ends.
func Remove(ctx context.Context, c Config) {
	begin, backoff, said := time.Now(), kube.Backoff{Most: mostBackoff}, ""
	for {
		err := c.try(ctx, time.Since(begin))
		if err == nil || ctx.Err() != nil {
			return
		}
		if err.Error() != said {
			said = err.Error()
			klog.InfoS("the startup taint stays for now", "taint", c.Key, "node", c.Node, "reason", said)
		}
		if !backoff.Wait(ctx, err) {
			return
		}
	}
}

// try removes the taint if the node is ready for secrets. The error is the reason why it stays.
// waited is for how long it was tried.
func (c Config) try(ctx context.Context, waited time.Duration) error {
	if err := c.Serves(); err != nil {
		return err
	}
	if c.Connections != nil && waited < patience {
		if err := c.Connections(); err != nil {
			return fmt.Errorf("for at most %s: %w", patience, err)
		}
	}
	if err := c.driverIsThere(ctx); err != nil {
		return err
	}
	return c.remove(ctx)
}

// driverIsThere returns nil if the driver is registered at the node's kubelet.
func (c Config) driverIsThere(ctx context.Context) error {
	var registered struct {
		Spec struct {
			Drivers []struct{ Name string }
		}
	}
	err := c.API.Get(ctx, "/apis/storage.k8s.io/v1/csinodes/"+c.Node, &registered)
	if err != nil && !kube.Is(err, http.StatusNotFound) {
		return advised(err, "get csinodes")
	}
	for _, d := range registered.Spec.Drivers {
		if d.Name == driver {
			return nil
		}
	}
	return errors.New("the driver " + driver + " is not registered on the node yet")
}

// node is what is read of a Node. Taints stay as they are written: they may have fields that this
// program does not know.
type node struct {
	Metadata struct{ ResourceVersion string }
	Spec     struct{ Taints []json.RawMessage }
}

// remove removes the taint. If the node was changed in between, the API server refuses the change
// with a conflict.
func (c Config) remove(ctx context.Context) error {
	path := "/api/v1/nodes/" + c.Node
	var n node
	if err := c.API.Get(ctx, path, &n); err != nil {
		return advised(err, "get and patch nodes")
	}
	left := slices.DeleteFunc(slices.Clone(n.Spec.Taints), c.isOurs)
	if len(left) == len(n.Spec.Taints) {
		klog.InfoS("the node has no startup taint", "taint", c.Key, "node", c.Node)
		return nil
	}
	patch := map[string]any{"metadata": map[string]any{"resourceVersion": n.Metadata.ResourceVersion},
		"spec": map[string]any{"taints": left}}
	if err := c.API.Patch(ctx, path, patch); err != nil {
		return advised(err, "get and patch nodes")
	}
	klog.InfoS("the startup taint is removed", "taint", c.Key, "node", c.Node)
	return nil
}

// isOurs reports whether a taint has the key.
func (c Config) isOurs(taint json.RawMessage) bool {
	var t struct{ Key string }
	return json.Unmarshal(taint, &t) == nil && t.Key == c.Key
}

// advised adds to a refusal what the service account needs.
func advised(err error, permissions string) error {
	switch {
	case kube.Is(err, http.StatusForbidden):
		return fmt.Errorf("%w; the provider's service account needs the permissions %s", err, permissions)
	case kube.Is(err, http.StatusNotFound):
		return fmt.Errorf("%w; --node-name must be the name of this node in Kubernetes", err)
	}
	return err
}
