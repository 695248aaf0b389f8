// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// share is what the first mount of a pod took.
type share struct {
	publish  time.Duration // the driver's NodePublishVolume, with the call of the provider
	provider time.Duration // the provider's Mount, in whole milliseconds
	known    bool          // whether the provider has logged it
}

// published matches the line that driver 1.6 logs when a volume is published. The path has the pod's UID.
var published = regexp.MustCompile(`"node publish volume complete" targetPath="[^"]*/pods/([^/"]*)/.* time="([^"]*)"`)

// shares returns the share of each pod by its UID, from the logs of the driver and of the provider. Only a pod's first
// mount is taken, since later ones are renewals. It fails if a mount failed.
func (p *podstart) shares(ctx context.Context) (map[string]share, error) {
	all := map[string]share{}
	err := p.lines(ctx, "app=secrets-store-csi-driver", "secrets-store", func(line string) error {
		m := published.FindStringSubmatch(line)
		if m == nil {
			return nil
		}
		took, err := time.ParseDuration(m[2])
		if s := all[m[1]]; s.publish == 0 {
			s.publish = took
			all[m[1]] = s
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	err = p.lines(ctx, "app.kubernetes.io/name=ovhcloud-csi-provider", "provider", func(line string) error {
		var mount struct {
			Msg, Result, UID string
			Took             time.Duration // in nanoseconds
			Pod              struct{ Namespace, Name string }
		}
		if json.Unmarshal([]byte(line), &mount) != nil || mount.Msg != "mount" || mount.Pod.Namespace != p.namespace {
			return nil
		}
		if mount.Result != "ok" {
			return fmt.Errorf("a mount of pod %s failed: %s", mount.Pod.Name, mount.Result)
		}
		if s := all[mount.UID]; !s.known {
			s.known, s.provider = true, mount.Took
			all[mount.UID] = s
		}
		return nil
	})
	return all, err
}

// missing returns an error if the share of a pod with a class is not in the logs.
func (r row) missing(shares map[string]share) error {
	for _, s := range r.starts {
		if r.kind.class != nil && (shares[s.uid].publish == 0 || !shares[s.uid].known) {
			return fmt.Errorf("the log of the driver or of the provider lacks the mount of pod %s", s.pod)
		}
	}
	return nil
}

// lines calls a function for each line of the log of the pods with a label.
func (p *podstart) lines(ctx context.Context, label, container string, do func(line string) error) error {
	var pods struct {
		Items []struct{ Metadata struct{ Name string } }
	}
	const system = "/api/v1/namespaces/kube-system/pods"
	if err := p.get(ctx, system+"?labelSelector="+url.QueryEscape(label), &pods); err != nil {
		return err
	}
	for _, pod := range pods.Items {
		log, err := p.call(ctx, http.MethodGet, system+"/"+pod.Metadata.Name+"/log?container="+container, nil)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(log)) {
			if err := do(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// reads returns how many requests of each class's secrets the store has had.
func (p *podstart) reads(ctx context.Context) (map[string]int, error) {
	var requests []struct{ URI string }
	if err := p.get(ctx, store("requests"), &requests); err != nil {
		return nil, err
	}
	of := map[string]int{}
	for _, r := range requests {
		if m := read.FindStringSubmatch(r.URI); m != nil {
			of[m[1]]++
		}
	}
	return of, nil
}

// read matches the request for a secret of a class.
var read = regexp.MustCompile(`/podstart/([^/?]+)/`)

// failures returns how many mounts of volumes failed, by the events of the pods.
func (p *podstart) failures(ctx context.Context) (int, error) {
	var events struct{ Items []struct{ Count int } }
	err := p.get(ctx, p.path("events?fieldSelector=reason%3DFailedMount"), &events)
	count := 0
	for _, e := range events.Items {
		count += max(1, e.Count)
	}
	return count, err
}
