package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"

	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/sensitive"
)

// maxResponse bounds the answer to the driver in bytes: it refuses 4 MiB, and
// with a code that lets the pod start with an empty volume (its provider_client
// and kubelet's handling of ResourceExhausted).
const maxResponse = 3584 << 10

// fileOverhead is what a file costs in the answer beside its path, twice, and
// its contents: tags, lengths, mode and version.
const fileOverhead = 64

// render makes the files of a plan from what was fetched. It makes all or none:
// with any failure the response is empty.
func render(pl plan, got map[okms.Ref]fetched) (Response, []Failure) {
	r := renderer{plan: pl, tree: newLayout()}
	for _, o := range pl.objects {
		r.object(o, got[o.ref()])
	}
	if r.size > maxResponse && len(r.failures) == 0 {
		r.add(WholeClass, TooLarge, "objects", "the files of this mount take %d bytes; the driver accepts %d at most; use several classes and volumes", r.size, maxResponse)
	}
	if len(r.failures) > 0 {
		return Response{}, r.failures
	}
	return r.Response, nil
}

// renderer is the state of one render.
type renderer struct {
	plan
	collector
	Response
	tree layout
	size int
}

// object adds the files of one object, or says why it cannot.
func (r *renderer) object(o object, f fetched) {
	if f.err != nil {
		if o.optional && (f.err.Kind == okms.SecretAbsent || f.err.Kind == okms.VersionAbsent) {
			r.absent(o)
			return
		}
		r.failures = append(r.failures, explain(r.plan, o, f))
		return
	}
	data := f.secret.Data.Reveal()
	list, err := members(data)
	if err != nil {
		what := err.Error()
		if errors.Is(err, errNotObject) {
			what = "is " + kindOfJSON(data) + ", not a JSON object"
		}
		r.add(o.number, Unusable, o.where(), "version %d of the secret %s", f.secret.Version, what)
		return
	}
	switch {
	case o.allKeys:
		r.allKeys(o, f.secret, list)
	case o.secretKey != "":
		r.oneKey(o, f.secret, list)
	default:
		r.file(o, o.file(), "", data, f.secret)
	}
}

func (r *renderer) allKeys(o object, s okms.Secret, list []member) {
	if len(list) == 0 {
		r.add(o.number, Unusable, o.where(), "version %d of the secret has no keys", s.Version)
	}
	for _, m := range list {
		if err := checkFileName(m.key); err != nil || strings.Contains(m.key, "/") {
			r.add(o.number, Unusable, o.where(), "the key %s cannot be the name of a file; write it with secretKey and objectName", quoted(m.key))
			continue
		}
		if content, ok := r.content(o, m.key, m.raw); ok {
			r.file(o, path.Join(o.file(), m.key), m.key, content, s)
		}
	}
}

// oneKey takes the key literally if there is such a one, else as a path into
// nested JSON, in the language of External Secrets Operator's "property".
func (r *renderer) oneKey(o object, s okms.Secret, list []member) {
	var raw []byte
	for _, m := range list {
		if m.key == o.secretKey {
			raw = m.raw
		}
	}
	if raw == nil {
		raw, _ = lookup(s.Data.Reveal(), o.secretKey)
	}
	switch {
	case raw != nil:
		if content, ok := r.content(o, o.secretKey, raw); ok {
			r.file(o, o.file(), o.secretKey, content, s)
		}
	case o.optional:
		r.absent(o)
	default:
		r.failures = append(r.failures, Failure{Kind: KeyAbsent, Object: o.number, Where: o.where(),
			What:   fmt.Sprintf("version %d of the secret has no key %s", s.Version, quoted(o.secretKey)),
			Advice: keysAdvice(o.secretKey, list)})
	}
}

// keysAdvice names the keys that exist.
func keysAdvice(wanted string, list []member) string {
	var keys, shown []string
	for _, m := range list {
		keys = append(keys, m.key)
		if len(shown) < 20 {
			shown = append(shown, quoted(m.key))
		}
	}
	if len(keys) > len(shown) {
		shown = append(shown, fmt.Sprintf("and %d more", len(keys)-len(shown)))
	}
	advice := "its keys are " + strings.Join(shown, ", ")
	if len(keys) == 0 {
		return "it has no keys at all"
	}
	if near := Nearest(wanted, keys); near != "" {
		advice = fmt.Sprintf("did you mean %s? ", quoted(near)) + advice
	}
	return advice
}

// content makes the bytes of a file from the JSON text of a value.
func (r *renderer) content(o object, key string, raw []byte) ([]byte, bool) {
	if raw[0] != '"' {
		if o.encoding != utf8Text {
			r.add(o.number, Unusable, o.where(), "the value of key %s is %s; encoding: %s wants a string", quoted(key), kindOfJSON(raw), o.encoding)
			return nil, false
		}
		return raw, true
	}
	text, err := unquote(raw)
	if err == nil {
		text, err = o.encoding.decode(text)
	}
	if err != nil {
		r.add(o.number, Unusable, o.where(), "the value of key %s %s", quoted(key), err)
		return nil, false
	}
	return text, true
}

// file adds one file and its version.
func (r *renderer) file(o object, name, key string, content []byte, s okms.Secret) {
	if err := r.tree.addFile(name, o.number); err != nil {
		r.add(o.number, Invalid, o.where(), "%s", err)
		return
	}
	if err := checkFileName(name); err != nil {
		r.add(o.number, Unusable, o.where(), "the file %s %s", quoted(name), err)
		return
	}
	r.Files = append(r.Files, File{Path: name, Mode: o.mode, Contents: sensitive.New(content)})
	r.Versions = append(r.Versions, Version{ID: name, Version: r.version(o, key, s)})
	r.size += len(content) + 2*len(name) + fileOverhead
}

// absent notes an optional object that does not exist, so that the driver, which
// wants at least one version, has one.
func (r *renderer) absent(o object) {
	id := o.file()
	if o.allKeys {
		id = path.Join(id, "*") + " of " + o.secretPath
	}
	r.Versions = append(r.Versions, Version{ID: id, Version: "absent"})
}

// version changes exactly when the content of the file can: with the version of
// the secret, and with what the class says of the object. It tells nothing of
// the content.
func (r *renderer) version(o object, key string, s okms.Secret) string {
	h := sha256.New()
	for _, part := range []string{r.domain.Endpoint, r.domain.ID, s.Path, s.Created, key, string(o.encoding)} {
		fmt.Fprintf(h, "%d:%s,", len(part), part)
	}
	return fmt.Sprintf("%d-%s", s.Version, hex.EncodeToString(h.Sum(nil)[:4]))
}
