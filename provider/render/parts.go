package render

import (
	"errors"
	"fmt"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/rawjson"
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
