// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"

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
	raw   rawjson.Value // the key as JSON text
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
		p.list = append(p.list, part{name, value, raw})
	}
	return p
}
