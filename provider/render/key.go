// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"
	"strings"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/rawjson"
)

// oneKey makes a file of a key. If no key has exactly the name, it is read as a path into
// nested JSON.
func (r *renderer) oneKey(i int, of []material) {
	o := r.plan.Objects[i]
	value, ok := r.value(i, o, of[0])
	if !ok {
		return
	}
	if bytes, ok := r.fileBytes(o, o.SecretKey, value); ok {
		r.file(i, madeFile{o.File(), o.SecretKey, bytes})
	}
}

// value returns the value of the key that an object names. ok is false if there is none; a failure
// is added then, or the object is absent.
func (r *renderer) value(i int, o class.Object, m material) (value rawjson.Value, ok bool) {
	value, literal := m.byKey[o.SecretKey]
	if !literal {
		if value, ok = r.find(o, m.Input, m.whole); !ok {
			return nil, false
		}
	}
	switch {
	case value.Exists():
		return value, true
	case class.SpaceAtEnds(o.SecretKey) != "": // also if it is optional: the file would be missing without a word
		r.Put(failure.Failure{Kind: failure.Invalid, Object: o.Number, Where: fmt.Sprintf("objects[%d].secretKey", o.Number),
			What: fmt.Sprintf("%s, and version %d of the secret has no such key", class.SpaceAtEnds(o.SecretKey),
				m.Secret.Version),
			Advice: class.WriteKey(o.SecretKey)})
	default:
		r.noKey(i, o, o.SecretKey, m)
	}
	return nil, false
}

// noKey adds that a secret has no such key, unless the object is optional.
func (r *renderer) noKey(i int, o class.Object, key string, m material) {
	if o.Optional {
		r.made[i].absent = true
		return
	}
	r.Put(failure.Failure{Kind: failure.KeyAbsent, Object: o.Number, Where: o.Where(),
		What:   fmt.Sprintf("version %d of the secret has no key %s", m.Secret.Version, message.Quote(key)),
		Advice: r.keysAdvice(key, m.parts)})
}

// find follows an object's key as a path. ok is false if that failed; the failure is added
// then.
func (r *renderer) find(o class.Object, f Input, whole rawjson.Value) (value rawjson.Value, ok bool) {
	way, err := rawjson.ParsePath(o.SecretKey)
	if err != nil {
		r.Add(o.Number, failure.Invalid, fmt.Sprintf("objects[%d].secretKey", o.Number),
			"the secret has no key %s, and as a path it cannot be used: %s", message.Quote(o.SecretKey), err)
		return nil, false
	}
	value, err = whole.Find(way, r.steps)
	if errors.Is(err, rawjson.ErrTwice) {
		r.Add(o.Number, failure.Unusable, o.Where(), "in version %d of the secret the path %s %s", f.Secret.Version,
			message.Quote(o.SecretKey), err)
		return nil, false
	}
	return value, r.goesOn(o, err)
}

// keysAdvice names the existing keys. For the first failures of a mount it also suggests
// the nearest one, which takes time.
func (r *renderer) keysAdvice(wanted string, p *parts) string {
	if len(p.list) == 0 {
		return "it has no keys at all"
	}
	var shown []string
	for _, m := range p.list[:min(len(p.list), 20)] {
		shown = append(shown, message.Quote(m.key))
	}
	if more := len(p.list) - len(shown); more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	advice := "its keys are " + strings.Join(shown, ", ")
	if r.Len() >= 20 {
		return advice
	}
	keys := make([]string, len(p.list))
	for i, m := range p.list {
		keys[i] = m.key
	}
	if spelling := r.otherSpelling(wanted, p.whole); spelling != "" {
		return writeSpelling(spelling) + advice
	}
	if near := nearest.Name(wanted, keys); near != "" {
		return fmt.Sprintf("did you mean %s? ", message.Quote(near)) + advice
	}
	return advice
}
