// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
	"ovhcloud-csi-provider/provider/config"
)

// volumeAt returns the volume of the pods that holds a path of the container, nil if none does.
func (w workload) volumeAt(file string) *cluster.Volume {
	for _, mount := range w.container.VolumeMounts {
		at := path.Clean(mount.MountPath)
		if file != at && !strings.HasPrefix(file, at+"/") {
			continue
		}
		for i, v := range w.set.Spec.Template.Spec.Volumes {
			if v.Name == mount.Name {
				return &w.set.Spec.Template.Spec.Volumes[i]
			}
		}
	}
	return nil
}

// configFile returns where the file of connections of a provider is, and whether that is a ConfigMap.
func (w workload) configFile() (in cluster.Ref, key string, known bool) {
	file := path.Clean(w.flag("config"))
	v := w.volumeAt(file)
	if v == nil || v.ConfigMap == nil {
		return cluster.Ref{}, "", false
	}
	return cluster.Ref{Namespace: w.set.Metadata.Namespace, Name: v.ConfigMap.Name}, path.Base(file), true
}

// configMaps returns the ConfigMaps with files of connections.
func (f *facts) configMaps() (refs []cluster.Ref) {
	for _, p := range f.providers {
		if ref, _, known := p.configFile(); known {
			refs = append(refs, ref)
		}
	}
	return refs
}

// readFiles reads the files of connections.
func (f *facts) readFiles() {
	for _, p := range f.providers {
		f.files = append(f.files, f.readFile(p))
	}
}

// readFile reads the file of connections of a provider.
func (f *facts) readFile(p workload) file {
	if p.flag("config") == "" {
		return file{connections: map[string]config.Connection{}}
	}
	ref, key, known := p.configFile()
	part := f.ConfigMaps[ref]
	if !known || part.Err != nil {
		return file{}
	}
	text, given := part.Items[0].Data[key]
	if !given {
		return file{err: fmt.Errorf("it has no key %s, which is the file of connections", key)}
	}
	ttl, err := time.ParseDuration(p.flag("cache-ttl"))
	if err != nil {
		ttl = usualTTL
	}
	all, err := config.Parse(text, max(ttl, time.Nanosecond))
	if err != nil {
		return file{err: err}
	}
	return file{connections: all}
}

// usualTTL is --cache-ttl if it is not given.
const usualTTL = 30 * time.Second

// credentialsOf returns the Secret with the credential of a connection; its name is "" if there is none.
func (w workload) credentialsOf(c config.Connection) cluster.Ref {
	if v := w.volumeAt(path.Clean(c.Dir)); v != nil && v.Secret != nil {
		return cluster.Ref{Namespace: w.set.Metadata.Namespace, Name: v.Secret.SecretName}
	}
	return cluster.Ref{}
}

// connectionSecrets returns the Secrets of all connections.
func (f *facts) connectionSecrets() (refs []cluster.Ref) {
	for i, p := range f.providers {
		for _, name := range slices.Sorted(maps.Keys(f.files[i].connections)) {
			if ref := p.credentialsOf(f.files[i].connections[name]); ref.Name != "" {
				refs = append(refs, ref)
			}
		}
	}
	return refs
}

// checkConnections checks the provider's file of connections and their credentials.
func checkConnections(f *facts, r *Report) {
	for i, p := range f.providers {
		if p.flag("config") == "" {
			r.pass(connections, "%s has none", p.name())
			continue
		}
		ref, _, known := p.configFile()
		object, part := "ConfigMap "+ref.String(), f.ConfigMaps[ref]
		var problems config.Problems
		switch {
		case !known:
			r.pass(connections, "%s has its file of connections in no ConfigMap; ovhcsi connections check checks it",
				p.name())
		case errors.Is(part.Err, cluster.ErrAbsent):
			r.find(wrongFile, object, "Upgrade the provider's release",
				"it does not exist, and has the file of connections of %s", p.name())
		case part.Err != nil:
			r.unread(connections, object, part.Err)
		case errors.As(f.files[i].err, &problems):
			for _, one := range problems {
				line := ""
				if one.Line > 0 {
					line = fmt.Sprintf("line %d: ", one.Line)
				}
				r.find(wrongFile, object, "Correct connections in the values of the provider's release", "%s%s", line,
					one.Text)
			}
		case f.files[i].err != nil:
			r.find(wrongFile, object, "Upgrade the provider's release", "%v", f.files[i].err)
		default:
			f.checkCredentials(r, p, f.files[i].connections)
		}
	}
}

// checkCredentials checks the credential of each connection.
func (f *facts) checkCredentials(r *Report, p workload, all map[string]config.Connection) {
	before := len(r.Findings())
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := all[name]
		ref := p.credentialsOf(c)
		if ref.Name == "" {
			r.find(noVolume, p.name(), "Upgrade the provider's release",
				"credentialsDir of connection %q is %s, and no Secret is mounted there", name, c.Dir)
			continue
		}
		f.checkSecret(r, connections, connectionLacks, ref, "for connection "+name)
	}
	if len(r.Findings()) == before {
		r.pass(connections, "%s, no mistake found", plural(len(all), "connection"))
	}
}
