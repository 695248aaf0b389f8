// SPDX-License-Identifier: Apache-2.0

// Package classes makes valid SecretProviderClasses at random, for tests of what must accept them.
package classes

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// OKMSID is the domain of all classes.
const OKMSID = "734b9b45-8b1a-469c-b140-b10bd6540017"

// generator is the state of one class.
type generator struct {
	*rand.Rand
	number int // of the object
}

// Most is the most objects of a class for Class: ten on average.
const Most = 20

// Class returns the text of a class with 1 to most objects. Its name is unique by number.
func Class(random *rand.Rand, number, most int) string {
	g := &generator{Rand: random}
	var b strings.Builder
	fmt.Fprintf(&b,
		"apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\nmetadata: {name: class-%d, namespace: "+
			"shop}\n", number)
	b.WriteString("spec:\n  provider: ovhcloud\n  parameters:\n")
	for _, line := range g.parameters() {
		b.WriteString("    " + line + "\n")
	}
	b.WriteString("    objects: " + g.pick("|", "|-", "|+") + "\n")
	for range 1 + g.IntN(most) {
		for _, line := range g.object() {
			b.WriteString("      " + line + "\n")
		}
		g.number++
	}
	return b.String()
}

func (g *generator) pick(all ...string) string { return all[g.IntN(len(all))] }

func (g *generator) often() bool { return g.IntN(3) > 0 }

func (g *generator) rarely() bool { return g.IntN(5) == 0 }

// parameters returns where the secrets of a class are.
func (g *generator) parameters() (lines []string) {
	region := g.pick("eu-west-par", "us-east-vin", "ca-east-bhs", "EU-WEST-RBX", "ap-south-mum2")
	switch g.IntN(5) {
	case 0:
		lines = []string{"connection: " + g.pick("default", "team", `"a b"`)}
	case 1: // the default connection
	case 2:
		lines = []string{"endpoint: https://" + strings.ToLower(region) + ".okms.ovh.net/api/" + OKMSID}
	case 3:
		lines = []string{"endpoint: 'https://okms.example:8443/'", "okmsId: " + strings.ToUpper(OKMSID),
			"api: " + g.pick("kv2", "rest")}
	default:
		lines = []string{"region: " + region, "okmsId: " + OKMSID}
	}
	if g.rarely() {
		lines = append(lines, "refreshInterval: "+g.pick("30m", `"0"`, "1h30m", "90s", `""`))
	}
	return lines
}

// object returns the lines of an object, in one of the two styles of YAML.
func (g *generator) object() (lines []string) {
	fields := append(g.source(), g.common()...)
	g.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	if g.rarely() {
		return []string{"- {" + strings.Join(fields, ", ") + "}"}
	}
	for i, field := range fields {
		lines = append(lines, g.indent(i)+field)
	}
	if g.rarely() {
		lines = append(lines, "  # a comment", "")
	}
	return lines
}

func (g *generator) indent(i int) string {
	if i == 0 {
		return "- "
	}
	return "  "
}

// source returns the fields that say what the object is made of.
func (g *generator) source() []string {
	path := "secretPath: " + g.path()
	name := fmt.Sprintf("objectName: %s%d%s", g.pick("f", "dir/f", "a.b/c-d/f", "'with space/f"), g.number,
		g.pick("", ".txt"))
	if strings.Contains(name, "'") {
		name += "'"
	}
	switch g.IntN(8) {
	case 0:
		return append([]string{path}, g.version()...)
	case 1:
		return append([]string{path, "secretKey: " + g.key(), name}, g.encoding()...)
	case 2:
		return append([]string{path, "allKeys: " + g.pick("true", `"true"`), fmt.Sprintf("objectName: keys%d", g.number)},
			g.encoding()...)
	case 3:
		return []string{"find: {path: " + g.pick("/", "prod/", "prod/shop", `"2024"`) +
			g.pick("", `, regexp: "-on$"`, ", regexp: '^[a-z]+/db$'") + "}",
			fmt.Sprintf("objectName: found%d", g.number), g.pick("allKeys: true", "allKeys: false",
				"objectVersion: latest-active", "objectVersion: latest")}
	case 4:
		return []string{"secrets: {db: " + g.path() + ", _tls2: {secretPath: " + g.path() +
			g.pick("", ", objectVersion: 2", ", objectVersion: latest") + "}}",
			"template: " +
				g.pick(`"{{ .db.user }}:{{ ._tls2.password | urlquery }}"`,
					`'{{ ._tls2.a | default "x" }}{{ range $k, $v := .db }}{{ $k }}={{ $v | quote }}{{ end }}'`), name}
	case 5:
		return []string{path, name, "format: " + g.pick("json", "yaml", "env", "dotenv", "properties"),
			g.pick("keys: [user]", `keys: ["user", 'a b', 3]`, "optional: true")}
	case 6:
		return []string{path, name, g.pick("secretKey: pem", "keys: [tls.crt, tls.key]"),
			"certificate: " + g.pick("{part: leaf}", "{part: chain}", "{part: key}", "{part: bundle}",
				"{keystore: pkcs12, password: {secretPath: p/w, secretKey: k}}",
				"{keystore: jks, password: {secretPath: p/w, secretKey: k, objectVersion: 3}}")}
	}
	return append([]string{path}, g.pick("optional: true", "optional: false", `optional: "true"`))
}

// path returns a path whose last segment is unique in the class.
func (g *generator) path() string {
	return fmt.Sprintf("%ssecret%d-%d", g.pick("", "prod/shop/", "a=b/c@d:e/", "2024/10/", "prod.eu/_x/"), g.number,
		g.IntN(1<<20))
}

func (g *generator) key() string {
	return g.pick("password", "users.kevin.token", "hosts.0", `'items.#(name=="x").value'`, "hosts.#.name", `tls\.crt`,
		`"with space"`, "7", "true", `"ünïcode"`)
}

func (g *generator) version() []string {
	switch g.IntN(6) {
	case 0:
		return []string{"objectVersion: " + g.pick("3", `"24000"`, "latest", "latest-active", `""`)}
	case 1:
		return []string{"objectVersionHistory: " + g.pick("2", `"100"`)}
	case 2:
		return []string{"objectVersion:"[:14] + " ''", "secretKey: ''"}
	}
	return nil
}

func (g *generator) encoding() []string {
	if g.rarely() {
		return []string{"encoding: " + g.pick("utf-8", "base64", "base64url", "hex")}
	}
	return nil
}

// common returns fields that fit every object, each with the same probability.
func (g *generator) common() (fields []string) {
	for _, field := range []string{
		"filePermission: " + g.pick("0440", `"0400"`, "'644'", "0o600", "0444", "600"),
		"refreshInterval: " + g.pick("30m", "0", "168h", "1.5h"),
		"connection: " + g.pick("rbx", "team-b"),
	} {
		if !g.often() {
			fields = append(fields, field)
		}
	}
	return fields
}
