// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"path"
	"strings"

	"ovhcloud-csi-provider/provider/yamlnode"
)

// remote is what a remoteRef names: a secret, or a part of it.
type remote struct {
	of       *yamlnode.Node
	store    *store // nil if only the connection is known
	path     string
	property string
	version  string // "" for the latest
	encoding string // "" for none
}

// value is a key of the Secret that External Secrets Operator would make.
type value struct {
	key string
	remote
}

// path returns the path of a secret in OKMS for a key of the store. The vault provider lets a key begin
// with the mount and data/.
func (s *store) path(key string) string {
	if s == nil {
		return strings.Trim(key, "/")
	}
	if s.ovh {
		return key
	}
	mount := mountOfOKMS
	if s.mount != nil {
		mount = *s.mount
	}
	if rest, begins := strings.CutPrefix(key, mount+"/"); begins {
		key = strings.TrimPrefix(rest, "data/")
	}
	return strings.TrimPrefix(path.Clean("/"+key), "/")
}

// object returns the object for a file of what r names. name is the path of the file.
func (r remote) object(name string, notes comments) *object {
	var all []member
	all = append(all, member{"secretPath", scalar(r.path)})
	if r.property != "" {
		all = append(all, member{"secretKey", scalar(r.property)})
	}
	if r.version != "" {
		all = append(all, member{"objectVersion", number(r.version)})
	}
	if r.encoding != "" {
		all = append(all, member{"encoding", r.encoding})
	}
	all = append(all, member{"objectName", scalar(name)})
	return &object{r.of, notes, all, name, []string{scalar(r.path)}}
}
