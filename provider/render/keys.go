// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/format"
	"ovhcloud-csi-provider/provider/message"
)

// keys makes a file of several keys in a format.
func (r *renderer) keys(i int, of []material) {
	o, m := r.plan.Objects[i], of[0]
	members, ok := r.members(i, o, m)
	if !ok {
		return
	}
	content, err := o.Format.Write(members, r.steps)
	var cannot *format.Error
	if errors.As(err, &cannot) {
		r.Add(o.Number, failure.Unusable, o.Where(), "format: %s cannot carry the key %s, which %s", o.Format,
			message.Quote(cannot.Key), cannot.What)
		return
	}
	if r.goesOn(o, err) {
		r.file(i, madeFile{o.File(), fmt.Sprintf("%s of %q", o.Format, o.Keys), content})
	}
}

// members returns the keys of an object with their values: those that it names, or all.
func (r *renderer) members(i int, o class.Object, m material) (all []format.Member, ok bool) {
	byKey := map[string]part{}
	for _, one := range m.list {
		byKey[one.key] = one
		if len(o.Keys) == 0 {
			all = append(all, format.Member{Key: one.key, Raw: one.raw, Value: one.value})
		}
	}
	for _, key := range o.Keys {
		one, has := byKey[key]
		if !has {
			r.noKey(i, o, key, m)
			return nil, false
		}
		all = append(all, format.Member{Key: key, Raw: one.raw, Value: one.value})
	}
	return all, true
}
