// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"

	"ovhcloud-csi-provider/provider/certificate"
	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/encoding"
	"ovhcloud-csi-provider/provider/failure"
)

// pem makes a file of the certificates and the private key in the keys of an object.
func (r *renderer) pem(i int, of []material) {
	o := r.plan.Objects[i]
	texts, ok := r.texts(i, o, of[0])
	if !ok {
		return
	}
	bundle, err := certificate.Read(texts, r.steps)
	if err != nil {
		r.cannotMake(o, of[0], err)
		return
	}
	var content []byte
	if o.Certificate.Keystore == "" {
		content, err = bundle.Part(o.Certificate.Part)
	} else {
		var password []byte
		if password, ok = r.password(i, o, of[1]); !ok {
			return
		}
		content, err = bundle.Keystore(o.Certificate.Keystore, password, r.steps)
	}
	if err != nil {
		r.cannotMake(o, of[0], err)
		return
	}
	spec := fmt.Sprintf("%s%s of %q", o.Certificate.Part, o.Certificate.Keystore,
		append([]string{o.SecretKey, o.Certificate.PasswordKey}, o.Keys...))
	r.file(i, madeFile{o.File(), spec, content})
}

// cannotMake adds why nothing can be made of PEM, or of the steps.
func (r *renderer) cannotMake(o class.Object, m material, err error) {
	var of *certificate.Error
	if errors.As(err, &of) {
		r.Add(o.Number, failure.Unusable, o.Where(), "in version %d of the secret: %s", m.Secret.Version, of)
		return
	}
	r.goesOn(o, err)
}

// texts returns the values of the keys that have PEM.
func (r *renderer) texts(i int, o class.Object, m material) (texts []certificate.Text, ok bool) {
	keys := o.Keys
	if o.SecretKey != "" {
		keys = []string{o.SecretKey}
	}
	for _, key := range keys {
		value, has := m.byKey[key]
		if !has && o.SecretKey != "" {
			if value, has = r.value(i, o, m); !has {
				return nil, false
			}
		}
		if !has {
			r.noKey(i, o, key, m)
			return nil, false
		}
		text, ok := r.fileBytes(o, key, value)
		if !ok {
			return nil, false
		}
		texts = append(texts, certificate.Text{Key: key, PEM: text})
	}
	return texts, true
}

// password returns the password of a keystore.
func (r *renderer) password(i int, o class.Object, m material) ([]byte, bool) {
	source := o.Of(o.More[0])
	source.SecretKey, source.Certificate, source.Encoding = o.Certificate.PasswordKey, nil, encoding.UTF8
	value, ok := r.value(i, source, m)
	if !ok {
		return nil, false
	}
	if !value.IsString() {
		r.Add(o.Number, failure.Unusable, source.Where(), "the password of the keystore is %s, not a text", value.Kind())
		return nil, false
	}
	return r.fileBytes(source, source.SecretKey, value)
}
