package provider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/sensitive"
)

// maxResponse bounds the answer to the driver in bytes: it refuses 4 MiB, and
// with a code that lets the pod start with an empty volume (its provider_client
// and kubelet's handling of ResourceExhausted).
const maxResponse = 3584 << 10

// maxStatus bounds, in bytes, the list of files and versions that the driver writes
// into an object of Kubernetes for each volume (SecretProviderClassPodStatus): etcd
// takes 1.5 MiB.
const maxStatus = 1 << 20

// fileOverhead is what a file costs in the answer beside its path, twice, and
// its contents: tags, lengths, mode and version.
const fileOverhead = 64

// render makes the files of a plan from what was fetched, and says how many bytes
// their answer takes. It makes all or none: with any failure neither files nor
// versions are returned. It ends soon after ctx does.
func render(ctx context.Context, pl plan, got map[okms.Ref]fetched) (out Response, size int, failures []Failure) {
	r := renderer{plan: pl, tree: newLayout(), parsed: map[okms.Ref]parsedSecret{}}
	var late *object
	for i, o := range pl.objects {
		f := got[o.ref()]
		switch {
		case f.err != nil:
			r.unread(o, f)
		case r.tooLarge() || late != nil:
		case r.full():
			r.cut = true
		case ctx.Err() != nil:
			late = &pl.objects[i]
		default:
			r.object(o, f)
		}
	}
	switch {
	case len(r.failures) > 0:
	case late != nil:
		r.add(late.number, TimedOut, late.where(), "the time of the mount ran out before its files were made; use fewer objects")
	case r.status > maxStatus:
		r.add(WholeClass, TooLarge, "objects", "this mount makes so many files that Kubernetes cannot hold the list of them; use several classes and volumes")
	case r.size > maxResponse:
		r.add(WholeClass, TooLarge, "objects", "the files of this mount take more than the %d bytes that the driver accepts; use several classes and volumes", maxResponse)
	}
	if len(r.failures) > 0 {
		return Response{}, 0, r.all()
	}
	return r.out, r.size, nil
}

// renderer is the state of one render.
type renderer struct {
	collector
	plan   plan
	out    Response
	tree   layout
	parsed map[okms.Ref]parsedSecret
	held   int // bytes of JSON that parsed is of
	size   int // of the answer to the driver, in bytes
	status int // of the status that the driver makes of it, in bytes
}

// maxParsed bounds the secrets that are kept taken apart, in bytes of their JSON: in
// memory one takes up to thirty times as much. One at least is kept.
const maxParsed = 512 << 10

// parsedSecret is a secret taken apart, once for all objects of it that stand near
// one another.
type parsedSecret struct {
	list  []member
	byKey map[string]json.RawMessage
	err   error
}

// tooLarge says that no further file can be taken.
func (r *renderer) tooLarge() bool { return r.size > maxResponse || r.status > maxStatus }

func (r *renderer) parsedOf(ref okms.Ref, data []byte) parsedSecret {
	c, done := r.parsed[ref]
	if done {
		return c
	}
	c.list, c.err = members(data)
	if errors.Is(c.err, errNotObject) {
		c.err = errors.New("is " + kindOfJSON(data) + ", not a JSON object")
	}
	c.byKey = make(map[string]json.RawMessage, len(c.list))
	for _, m := range c.list {
		c.byKey[m.key] = m.raw
	}
	if r.held += len(data); r.held > maxParsed {
		clear(r.parsed)
		r.held = len(data)
	}
	r.parsed[ref] = c
	return c
}

// unread says why an object has no files, unless it need not have any.
func (r *renderer) unread(o object, f fetched) {
	if o.optional && (f.err.Kind == okms.SecretAbsent || f.err.Kind == okms.VersionAbsent) {
		r.noteAbsent(o)
		return
	}
	r.put(explain(r.plan, o, f))
}

// object adds the files of one object, or says why it cannot.
func (r *renderer) object(o object, f fetched) {
	c := r.parsedOf(o.ref(), f.secret.Data.Reveal())
	switch {
	case c.err != nil:
		r.add(o.number, Unusable, o.where(), "version %d of the secret %s", f.secret.Version, c.err)
	case o.allKeys:
		r.allKeys(o, f, c.list)
	case o.secretKey != "":
		r.oneKey(o, f, c)
	default:
		r.file(o, o.file(), "", f.secret.Data.Reveal(), f)
	}
}

func (r *renderer) allKeys(o object, f fetched, list []member) {
	if len(list) == 0 {
		r.add(o.number, Unusable, o.where(), "version %d of the secret has no keys", f.secret.Version)
	}
	for _, m := range list {
		if r.tooLarge() || r.full() {
			return
		}
		if err := checkFileName(m.key); err != nil || strings.Contains(m.key, "/") {
			r.add(o.number, Unusable, o.where(), "the key %s cannot be the name of a file; write it with secretKey and objectName", quoted(m.key))
			continue
		}
		if bytes, ok := r.fileBytes(o, m.key, m.raw); ok {
			r.file(o, path.Join(o.file(), m.key), m.key, bytes, f)
		}
	}
}

// oneKey takes the key literally if there is such a one, else as a path into
// nested JSON.
func (r *renderer) oneKey(o object, f fetched, c parsedSecret) {
	raw, literal := c.byKey[o.secretKey]
	if !literal {
		found, err := lookup(f.secret.Data.Reveal(), o.secretKey)
		if err != nil {
			r.add(o.number, Invalid, fmt.Sprintf("objects[%d].secretKey", o.number), "the secret has no key %s, and as a path it cannot be used: %s", quoted(o.secretKey), err)
			return
		}
		raw = found
	}
	switch {
	case raw != nil:
		if bytes, ok := r.fileBytes(o, o.secretKey, raw); ok {
			r.file(o, o.file(), o.secretKey, bytes, f)
		}
	case o.optional:
		r.noteAbsent(o)
	default:
		r.put(Failure{Kind: KeyAbsent, Object: o.number, Where: o.where(),
			What:   fmt.Sprintf("version %d of the secret has no key %s", f.secret.Version, quoted(o.secretKey)),
			Advice: r.keysAdvice(o.secretKey, c.list)})
	}
}

// keysAdvice names the keys that exist, and for the first failures of a mount,
// since it is work, the nearest one.
func (r *renderer) keysAdvice(wanted string, list []member) string {
	if len(list) == 0 {
		return "it has no keys at all"
	}
	var shown []string
	for _, m := range list[:min(len(list), 20)] {
		shown = append(shown, quoted(m.key))
	}
	if more := len(list) - len(shown); more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	advice := "its keys are " + strings.Join(shown, ", ")
	if len(r.failures) >= 20 {
		return advice
	}
	keys := make([]string, len(list))
	for i, m := range list {
		keys[i] = m.key
	}
	if near := nearest.Name(wanted, keys); near != "" {
		return fmt.Sprintf("did you mean %s? ", quoted(near)) + advice
	}
	return advice
}

// fileBytes makes the bytes of a file from the JSON text of a value.
func (r *renderer) fileBytes(o object, key string, raw []byte) ([]byte, bool) {
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
func (r *renderer) file(o object, name, key string, content []byte, f fetched) {
	if err := r.tree.addFile(name, o.number); err != nil {
		r.add(o.number, Invalid, o.where(), "%s", err)
		return
	}
	if err := checkFileName(name); err != nil {
		r.add(o.number, Unusable, o.where(), "the file %s %s", quoted(name), err)
		return
	}
	r.out.Files = append(r.out.Files, File{Path: name, Mode: o.mode, Contents: sensitive.New(content)})
	version := r.version(o, key, f)
	r.note(name, version)
	r.size += len(content) + 2*len(name) + len(version) + fileOverhead
}

// note adds to what the driver lists of the volume.
func (r *renderer) note(id, version string) {
	r.out.Versions = append(r.out.Versions, Version{ID: id, Version: version})
	r.status += len(id) + len(version) + len(`{"id":"","version":""},`)
}

// noteAbsent notes an optional object that does not exist, so that the driver, which
// wants at least one version, has one. The name stays taken: another object's
// file must not come and go with it. The id of a folder ends in a slash, as that
// of no file does.
func (r *renderer) noteAbsent(o object) {
	id := o.file()
	if o.allKeys {
		id = fmt.Sprintf("objects[%d]/", o.number)
	} else if err := r.tree.addFile(id, o.number); err != nil {
		r.add(o.number, Invalid, o.where(), "%s", err)
		return
	}
	r.note(id, "absent")
}

// version changes exactly when the content of the file can: with the version of
// the secret, with the domain that it came from, and with what the class says of
// the object. It tells nothing of the content. Behind an @ stands the host of a
// fallback that gave it.
func (r *renderer) version(o object, key string, f fetched) string {
	domain, host := r.plan.domain, ""
	if f.instead != nil {
		domain = r.plan.fallback.domain
		host = "@" + hostOf(domain)
	}
	h := sha256.New()
	for _, part := range []string{domain.Endpoint, domain.ID, f.secret.Path, f.secret.Created, key, string(o.encoding)} {
		fmt.Fprintf(h, "%d:%s,", len(part), part)
	}
	return fmt.Sprintf("%d-%s%s", f.secret.Version, hex.EncodeToString(h.Sum(nil)[:4]), host)
}
