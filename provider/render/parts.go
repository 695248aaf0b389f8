package render

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/rawjson"
	"ovhcloud-csi-provider/provider/volume"
)

// parts is the top-level keys of a secret. In memory it takes up to twenty times as much as
// the secret.
type parts struct {
	list  []part // in the order of the text
	byKey map[string]rawjson.Value
	whole rawjson.Value
	err   error // why it has no parts; it quotes no value
}

// part is one key of a secret, with the text of its value byte for byte.
type part struct {
	key   string
	value rawjson.Value
}

// takeApart reads the keys of a secret.
func (r *renderer) takeApart(secret okms.Secret) *parts {
	p := &parts{byKey: map[string]rawjson.Value{}}
	var valid bool
	if p.whole, valid = rawjson.Parse(secret.Data.Reveal()); !valid || !p.whole.IsObject() {
		p.err = errors.New("is not a JSON object")
		if valid {
			p.err = errors.New("is " + p.whole.Kind() + ", not a JSON object")
		}
		return p
	}
	for raw, value := range p.whole.Members() {
		key, ok := raw.Unquote()
		if !ok {
			key = append([]byte{0xff}, raw...) // not a text: file names and keys reject it
		}
		name := string(key)
		if _, twice := p.byKey[name]; twice {
			p.err = fmt.Errorf("holds the key %s twice", message.Quote(name))
			return p
		}
		p.byKey[name] = value
		p.list = append(p.list, part{name, value})
	}
	return p
}

// namedKeys returns, for each secret, the keys that objects of the plan name by secretKey.
// allKeys leaves them to those objects.
func namedKeys(pl plan.Plan) map[okms.Ref]map[string]bool {
	named := map[okms.Ref]map[string]bool{}
	for _, o := range pl.Objects {
		if o.SecretKey == "" {
			continue
		}
		if named[o.Ref()] == nil {
			named[o.Ref()] = map[string]bool{}
		}
		named[o.Ref()][o.SecretKey] = true
	}
	return named
}

// allKeys makes a file of each key that no other object of the class names.
func (r *renderer) allKeys(i int, f Input, p *parts) {
	o := r.plan.Objects[i]
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
		case r.named[o.Ref()][one.key]:
			continue
		}
		err := volume.CheckName(one.key)
		if err == nil && strings.Contains(one.key, "/") {
			err = errors.New("holds a slash")
		}
		if err != nil {
			r.Put(failure.Failure{Kind: failure.Unusable, Object: o.Number, Where: o.Where(),
				What: fmt.Sprintf("the key %s cannot be the name of a file: it %s", message.Quote(one.key), err), Advice: adviceOnKey(one.key)})
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

// oneKey makes a file of a key. If no key has exactly the name, it is read as a path into
// nested JSON.
func (r *renderer) oneKey(i int, f Input, p *parts) {
	o := r.plan.Objects[i]
	value, literal := p.byKey[o.SecretKey]
	if !literal {
		var ok bool
		if value, ok = r.find(o, f, p.whole); !ok {
			return
		}
	}
	switch {
	case value.Exists():
		if bytes, ok := r.fileBytes(o, o.SecretKey, value); ok {
			r.file(i, madeFile{o.File(), o.SecretKey, bytes})
		}
	case class.SpaceAtEnds(o.SecretKey) != "": // also if it is optional: the file would be missing without a word
		r.Put(failure.Failure{Kind: failure.Invalid, Object: o.Number, Where: fmt.Sprintf("objects[%d].secretKey", o.Number),
			What:   fmt.Sprintf("%s, and version %d of the secret has no such key", class.SpaceAtEnds(o.SecretKey), f.Secret.Version),
			Advice: class.WriteKey(o.SecretKey)})
	case o.Optional:
		r.made[i].absent = true
	default:
		r.Put(failure.Failure{Kind: failure.KeyAbsent, Object: o.Number, Where: o.Where(),
			What:   fmt.Sprintf("version %d of the secret has no key %s", f.Secret.Version, message.Quote(o.SecretKey)),
			Advice: r.keysAdvice(o.SecretKey, p)})
	}
}

// find follows an object's key as a path. ok is false if that failed; the failure is added
// then.
func (r *renderer) find(o class.Object, f Input, whole rawjson.Value) (value rawjson.Value, ok bool) {
	way, err := rawjson.ParsePath(o.SecretKey)
	if err != nil {
		r.Add(o.Number, failure.Invalid, fmt.Sprintf("objects[%d].secretKey", o.Number), "the secret has no key %s, and as a path it cannot be used: %s", message.Quote(o.SecretKey), err)
		return nil, false
	}
	value, err = whole.Find(way, r.steps)
	if errors.Is(err, rawjson.ErrTwice) {
		r.Add(o.Number, failure.Unusable, o.Where(), "in version %d of the secret the path %s %s", f.Secret.Version, message.Quote(o.SecretKey), err)
		return nil, false
	}
	return value, r.goesOn(o, err)
}

// goesOn reports whether the mount is still within its limits. err is from the steps.
func (r *renderer) goesOn(o class.Object, err error) bool {
	switch {
	case err == nil:
		return true
	case errors.Is(err, rawjson.ErrSteps):
		r.ended = true
		r.Add(o.Number, failure.TooLarge, fmt.Sprintf("objects[%d]", o.Number), "the objects of this mount look at more than %d bytes of JSON altogether, "+
			"each byte counted as often as it is looked at; use fewer or shorter paths in secretKey, smaller secrets, or several classes and volumes", maxSteps)
	default:
		r.late(o)
	}
	return false
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

// loneSurrogate is the error for half a UTF-16 pair, which JSON can spell but which stands
// for no bytes.
const loneSurrogate = "holds half a UTF-16 surrogate pair, which stands for no bytes"

// fileBytes returns the bytes of a file from the JSON text of a value.
func (r *renderer) fileBytes(o class.Object, key string, value rawjson.Value) ([]byte, bool) {
	if !value.IsString() {
		if o.Encoding != encoding.UTF8 {
			r.Add(o.Number, failure.Unusable, o.Where(), "the value of key %s is %s; encoding: %s wants a string, so drop encoding", message.Quote(key), value.Kind(), o.Encoding)
			return nil, false
		}
		return value, true
	}
	text, ok := value.Unquote()
	err := errors.New(loneSurrogate)
	if ok {
		text, err = o.Encoding.Decode(text)
	}
	if err != nil {
		r.Add(o.Number, failure.Unusable, o.Where(), "the value of key %s %s", message.Quote(key), err)
		return nil, false
	}
	return text, true
}
