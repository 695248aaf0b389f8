// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster/clustertest"
	"ovhcloud-csi-provider/test/pki"
)

// holds gives a Secret other data: names and values in turn.
func holds(t *testing.T, c *clustertest.Cluster, name string, data ...string) {
	t.Helper()
	all := map[string]any{}
	for i := 0; i < len(data); i += 2 {
		all[data[i]] = base64.StdEncoding.EncodeToString([]byte(data[i+1]))
	}
	c.Find(t, "Secret", name)["data"] = all
}

// jwt returns a token with claims.
func jwt(claims string) string {
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return encode(`{"alg":"ES256"}`) + "." + encode(claims) + ".c2ln"
}

func TestCredentialsOfPods(t *testing.T) {
	const secret = "Secret shop/okms-credentials: "
	with := func(data ...string) func(t *testing.T, c *clustertest.Cluster) {
		return func(t *testing.T, c *clustertest.Cluster) { holds(t, c, "okms-credentials", data...) }
	}
	cert, key := pki.Pair(t, now.Add(-time.Hour), now.Add(10*24*time.Hour))
	late, lateKey := pki.Pair(t, now.Add(-time.Hour), now.Add(15*24*time.Hour))
	old, oldKey := pki.Pair(t, now.Add(-48*time.Hour), now.Add(-24*time.Hour))
	expect(t, map[string]broken{
		"a certificate": {change: with("tls.crt", late, "tls.key", lateKey)},
		"a certificate that expires soon": {change: with("tls.crt", cert, "tls.key", key),
			want: []string{"warning OVH654 " + secret + "its certificate expires on 2026-12-07"}},
		"a certificate that has expired": {change: with("tls.crt", old, "tls.key", oldKey),
			want: []string{"error OVH652 " + secret + "the certificate in tls.crt expired on 2026-11-26"}},
		"a key without a certificate": {change: with("tls.key", key),
			want: []string{"error OVH652 " + secret + "holds only one of tls.crt and tls.key"}},
		"no known key": {change: with("pat", "hunter2"),
			want: []string{"error OVH652 " + secret +
				`no credential: neither token, nor tls.crt with tls.key, nor clientId with clientSecret; its keys are "pat"; rename them (named by 2 volumes`}},
		"a token that has expired": {change: with("token", jwt(`{"exp":1700000000}`)),
			want: []string{"error OVH652 " + secret +
				"its token is probably invalid: by its exp claim the token expired on 2023-11-14"}},
		"a token that expires soon": {change: with("token", jwt(fmt.Sprintf(`{"exp":%d}`,
			now.Add(24*time.Hour).Unix()))), want: []string{"warning OVH654 " + secret + "its token expires on 2026-11-28"}},
		"a token that never expires": {change: with("token", jwt(`{"sub":"shop"}`)),
			want: []string{"warning OVH655 " + secret + "its token never expires"}},
		"a token that says nothing": {change: with("token", "opaque-token-without-parts")},
		"Secrets that one may not read": {change: func(_ *testing.T,
			c *clustertest.Cluster) {
			c.Forbidden = []string{"secrets"}
		},
			want: []string{"note OVH602 not checked: you may not read Secrets of namespace shop",
				"note OVH602 not checked: you may not read Secrets of namespace kube-system"}},
		"no Secret, and pods that have ended": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Remove("Secret", "okms-credentials")
			c.Replace(t, "Pod", "web-1", `"phase":"Running"`, `"phase":"Succeeded"`)
			c.Replace(t, "Pod", "web-2", `"phase":"Running"`, `"phase":"Failed"`)
		}},
		"a Secret that another volume names": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t,
				"Pod", "web-2", "okms-credentials", "other")
		},
			want: []string{"error OVH651 Secret shop/other: it does not exist (named by 1 volume, such as of Pod shop/web-2)"}},
	})
}

func TestConnections(t *testing.T) {
	const set, file = "ovhcloud-csi-provider", "ConfigMap kube-system/ovhcloud-csi-provider: "
	expect(t, map[string]broken{
		"an invalid file": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "ConfigMap", set, "paths:", "path:")
			c.Replace(t, "ConfigMap", set, "region: eu-west-par", "regoin: eu-west-par")
		}, want: []string{"error OVH661 " + file + "line 4: ", "error OVH661 " + file + "line 9: "}},
		"a file without an end": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "ConfigMap", set, `prod/shop/**\"]\n`, `prod/shop/**\"]`)
		}, want: []string{"error OVH661 " + file + "does not end in a line break"}},
		"no file": {change: func(_ *testing.T, c *clustertest.Cluster) { c.Remove("ConfigMap") },
			want: []string{"error OVH661 " + file +
				"it does not exist, and has the file of connections of DaemonSet kube-system/ovhcloud-csi-provider"}},
		"a ConfigMap without the file": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "ConfigMap", set, "connections.yaml", "connection.yaml")
		}, want: []string{"error OVH661 " + file + "it has no key connections.yaml"}},
		"no Secret": {change: func(_ *testing.T, c *clustertest.Cluster) { c.Remove("Secret", "okms-default") },
			want: []string{"error OVH662 Secret kube-system/okms-default: it does not exist (for connection default)"}},
		"a Secret without a credential": {change: func(t *testing.T, c *clustertest.Cluster) {
			holds(t, c,
				"okms-default")
		},
			want: []string{"error OVH652 Secret kube-system/okms-default: no credential: "}},
		"credentials that are not mounted": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "DaemonSet", set, "/etc/ovhcloud-csi/credentials/default", "/elsewhere")
		}, want: []string{`error OVH663 DaemonSet kube-system/ovhcloud-csi-provider: credentialsDir of connection "default" is /etc/ovhcloud-csi/credentials/default`}},
		"a class that needs one, without a file": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "DaemonSet", set, "--config=/etc/ovhcloud-csi/config/connections.yaml", "--v=0")
		}, want: []string{`error OVH501 SecretProviderClass shop/mirror: there is no connection "default"`}},
	})
}

func TestAFindingOfACategoryIsShownThere(t *testing.T) {
	c := clustertest.Read(t, "testdata/healthy.json")
	c.Forbidden = []string{"pods"}
	report, err := Examine(t.Context(), clustertest.Reader{Server: c.Start(t)}, Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := report.Write(&out, "text", "0.1.0", false); err != nil {
		t.Fatal(err)
	}
	for _, category := range []string{driver, pods} {
		if want := "\n  ? OVH602 not checked: you may not read pods\n"; !strings.Contains(out.String(), want) {
			t.Errorf("%s: %s", category, out.String())
		}
	}
	if strings.Count(out.String(), "\nPods\n") != 1 || strings.Count(out.String(), "\nDriver\n") != 1 {
		t.Errorf("a category is not in one place: %s", out.String())
	}
}
