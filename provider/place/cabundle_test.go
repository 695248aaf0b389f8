// SPDX-License-Identifier: Apache-2.0

package place

import (
	"encoding/base64"
	"encoding/pem"
	"regexp"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/test/pki"
)

func TestValidBundles(t *testing.T) {
	one, _ := pki.Pair(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	two, _ := pki.Pair(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	for name, text := range map[string]string{
		"two":                    one + two,
		"a byte order mark":      "\ufeff" + one,
		"one in each file":       "\ufeff" + one + "\ufeff" + two,
		"text before":            "# the CA of OKMS\nsubject=CN = c\n" + one,
		"text between and after": one + "\nsubject=CN = d\n" + two + "\nthis is the end\n",
		"Windows":                strings.ReplaceAll(one, "\n", "\r\n"),
	} {
		p, wrong := placeOf(map[string]string{FieldRegion: "eu-west-par", FieldOKMSID: testID, FieldCABundle: text})
		if wrong != "" || p.CABundle != strings.ReplaceAll(text, "\ufeff", "") {
			t.Errorf("%s: got error %q, or a bundle other than the text without byte order marks", name, wrong)
		}
	}
}

func TestInvalidBundles(t *testing.T) {
	cert, key := pki.Pair(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	block, _ := pem.Decode([]byte(cert))
	body := regexp.MustCompile(`-----.*?-----\n`).ReplaceAllString(cert, "")
	const form = "; give the text from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"
	for name, c := range map[string]struct{ bundle, want string }{
		"base64": {base64.StdEncoding.EncodeToString([]byte(cert)),
			"is base64: decode it (base64 -d), and give the PEM text"},
		"base64 with line breaks": {wrapped64(cert), "is base64: decode it (base64 -d), and give the PEM text"},
		"base64 of two":           {wrapped64(cert + cert), "is base64: decode it (base64 -d), and give the PEM text"},
		"no first and last line": {body,
			"is a certificate without its first and last line; add -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----"},
		"DER": {string(block.Bytes), "is binary (DER); convert it with openssl x509 -inform der, and give the PEM text"},
		"DER that JSON has changed": {strings.ToValidUTF8(string(block.Bytes), "\ufffd"),
			"is binary (DER); convert it with openssl x509 -inform der, and give the PEM text"},
		"a private key": {key,
			"PEM block 1 is not a certificate, but a private key; remove it, and replace that key: anyone who can read " +
				"this text has it"},
		"a private key after it": {cert + key,
			"PEM block 2 is not a certificate, but a private key; remove it, and replace that key: anyone who can read " +
				"this text has it"},
		"a request": {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: block.Bytes})),
			`PEM block 1 is not a certificate, but a "CERTIFICATE REQUEST"`},
		"no certificate in it": {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})),
			"PEM block 1 is not a certificate: its content cannot be read"},
		"a certificate that was cut": {cert[:len(cert)/2],
			"holds PEM that cannot be read; was it cut or indented? Give it from -----BEGIN CERTIFICATE----- to -----END " +
				"CERTIFICATE-----"},
		"a second certificate that was cut": {cert + cert[:len(cert)/2],
			"holds 2 PEM blocks, of which only 1 can be read; was one cut?"},
		"a first certificate that was cut": {cert[:len(cert)/2] + "\n" + cert,
			"holds 2 PEM blocks, of which only 1 can be read; was one cut?"},
		"folded": {strings.ReplaceAll(cert, "\n", " "),
			"has lost its line breaks; write caBundle: | (not > or quotes) and the PEM text below it"},
		"line breaks as text": {strings.ReplaceAll(cert, "\n", `\n`),
			`has the two characters \n instead of line breaks; write caBundle: | and the PEM text below it`},
		"a file":           {"/etc/ssl/ca.crt", "is the name of a file" + form},
		"only white space": {" \n", "is empty; remove it, or give certificates in PEM form"},
		"a word":           {"hello", "holds no certificate in PEM form" + form},
	} {
		_, wrong := placeOf(map[string]string{FieldRegion: "eu-west-par", FieldOKMSID: testID, FieldCABundle: c.bundle})
		if wrong != "caBundle: "+c.want {
			t.Errorf("%s: got  %s\nwant caBundle: %s", name, wrong, c.want)
		}
	}
}
