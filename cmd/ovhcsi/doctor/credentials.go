// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
	"ovhcloud-csi-provider/provider/credential"
)

// checkSecrets checks the Secrets that the volumes of pods name.
func checkSecrets(f *facts, r *Report) {
	before := len(r.Findings())
	refs := f.secrets()
	for _, ref := range refs {
		if f.checkSecret(r, credentials, secretAbsent, ref, f.users(ref)) {
			f.checkLabel(r, ref)
		}
	}
	if f.left > 0 {
		r.find(notAll, "", "", "%d Secrets were not looked at: only the first ones are read", f.left)
	}
	if len(r.Findings()) == before && len(refs) > 0 {
		r.pass(credentials, "%s of nodePublishSecretRef, no mistake found", plural(len(refs), "Secret"))
	}
}

// users says which pods name a Secret.
func (f *facts) users(ref cluster.Ref) string {
	first, number := "", 0
	for _, u := range f.uses {
		if u.secret == ref {
			if number++; first == "" {
				first = podName(u.pod)
			}
		}
	}
	return "named by " + plural(number, "volume") + ", such as of " + first
}

// checkSecret checks that a Secret is there and has a credential. It reports whether it is there. absent
// is the rule for a Secret that is not, and users says what it is for.
func (f *facts) checkSecret(r *Report, category string, absent Rule, ref cluster.Ref, users string) (there bool) {
	object := "Secret " + ref.String()
	part, read := f.Secrets[ref]
	switch {
	case !read:
		return false // f.left counts it
	case errors.Is(part.Err, cluster.ErrAbsent):
		r.find(absent, object, "Create it with the key token, or with tls.crt and tls.key", "it does not exist (%s)",
			users)
		return false
	case part.Err != nil:
		r.unread(category, "Secrets of namespace "+ref.Namespace, part.Err)
		return false
	}
	material := part.Items[0].Data.Known()
	c, err := credential.Parse(material, object, f.now)
	if err != nil {
		r.findIn(category, noCredential, object, "Create it again with one credential", "%v (%s)", err, users)
		return true
	}
	f.checkExpiry(r, category, object, users, c)
	return true
}

// soon is how long before its end a credential is reported.
const soon = 14 * 24 * time.Hour

// checkExpiry checks how long a credential is valid, and whether it looks like one.
func (f *facts) checkExpiry(r *Report, category, object, users string, c credential.Credential) {
	switch end := c.Expires(); {
	case c.Hint() != "":
		r.findIn(category, noCredential, object, "Create it again with a valid credential",
			"its %s is probably invalid: %s (%s)", c.Kind(), c.Hint(), users)
	case !end.IsZero() && end.Sub(f.now) < soon:
		r.findIn(category, endsSoon, object, "Replace it before", "its %s expires on %s (%s)", c.Kind(),
			end.UTC().Format(time.DateOnly), users)
	case c.Kind() == credential.KindToken && end.IsZero() && isJWT(c.Token().Reveal()):
		r.findIn(category, neverEnds, object, "Create a token that expires, and replace it in time",
			"its token never expires: it has no exp claim (%s)", users)
	}
}

// isJWT reports whether a token is a JSON Web Token.
func isJWT(token []byte) bool {
	parts := bytes.Split(token, []byte("."))
	if len(parts) != 3 {
		return false
	}
	header, err := base64.RawURLEncoding.DecodeString(string(parts[0]))
	return err == nil && json.Valid(header)
}

// checkLabel checks the label of a Secret that drivers before 1.6 need.
func (f *facts) checkLabel(r *Report, ref cluster.Ref) {
	if f.driver.set == nil {
		return
	}
	is, known := parseVersion(f.driver.version())
	if known && is.before(testedDriver) && f.Secrets[ref].Items[0].Metadata.Labels[usedLabel] != "true" {
		r.find(noLabel, "Secret "+ref.String(),
			"kubectl label secret "+ref.Name+" -n "+ref.Namespace+" "+usedLabel+"=true",
			"it has no label %s=true, without which this driver does not renew volumes", usedLabel)
	}
}

// secrets returns the Secrets that volumes name, in their order.
func (f *facts) secrets() (refs []cluster.Ref) {
	for _, u := range f.uses {
		if u.exists && u.secret.Name != "" {
			refs = append(refs, u.secret)
		}
	}
	slices.SortFunc(refs, func(a, b cluster.Ref) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return slices.Compact(refs)
}
