// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/volume"
)

// namedKeys returns, for each secret, the keys that objects of the plan name by secretKey.
// allKeys leaves them to those objects.
func namedKeys(pl plan.Plan) map[plan.Read]map[string]bool {
	named := map[plan.Read]map[string]bool{}
	for _, o := range pl.Objects {
		if o.Output() != class.Key {
			continue
		}
		if named[pl.Read(o)] == nil {
			named[pl.Read(o)] = map[string]bool{}
		}
		named[pl.Read(o)][o.SecretKey] = true
	}
	return named
}

// allKeys makes a file of each key that no other object of the class names.
func (r *renderer) allKeys(i int, of []material) {
	o, f, p := r.plan.Objects[i], of[0].Input, of[0].parts
	switch {
	case len(p.list) == 0 && o.Optional:
		r.made[i].absent = true
	case len(p.list) == 0:
		r.Put(failure.Failure{Kind: failure.Unusable, Object: o.Number, Where: o.Where(),
			What:   fmt.Sprintf("version %d of the secret has no keys", f.Secret.Version),
			Advice: "optional: true lets the mount go on without files of it"})
	}
	for _, one := range p.list {
		switch {
		case r.tooLarge() || r.Stop():
			return
		case r.named[r.plan.Read(o)][one.key]:
			continue
		}
		err := volume.CheckName(one.key)
		if err == nil && strings.Contains(one.key, "/") {
			err = errors.New("holds a slash")
		}
		if err != nil {
			r.Put(failure.Failure{Kind: failure.Unusable, Object: o.Number, Where: o.Where(),
				What:   fmt.Sprintf("the key %s cannot be the name of a file: it %s", message.Quote(one.key), err),
				Advice: adviceOnKey(one.key)})
			continue
		}
		if !r.goesOn(o, r.steps.Take(len(one.value))) {
			return
		}
		if bytes, ok := r.fileBytes(o, one.key, one.value); ok {
			r.file(i, madeFile{path.Join(o.File(), one.key), one.key, bytes})
		}
	}
}

// adviceOnKey returns what to do about a key that cannot be a file name.
func adviceOnKey(key string) string {
	if key == "" || len(key) > class.MaxKey || !utf8.ValidString(key) {
		return "rename it in the secret: secretKey cannot name it either"
	}
	return "write it with an object of its own, with secretKey and objectName; allKeys leaves it to that one"
}
