// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

// regions returns a set with the connection par, which has the fallback rbx, and others whose
// fallback cannot be used. The tokens of empty are missing.
func regions(t *testing.T) *connections.Set {
	t.Helper()
	root := t.TempDir()
	one := func(name, host, more string) string {
		return "  " + name + ":\n    endpoint: https://" + host + ".example\n    okmsId: " + plantest.TestDomain +
			"\n    credentialsDir: " + root + "/" + name + "\n    allow: [{namespaces: [store], serviceAccounts: [web], " +
			"paths: ['prod/**']}]\n" + more
	}
	config := "connections:\n" + one("par", "par", "    fallback: rbx\n    maxStale: 5m\n") + one("rbx", "rbx", "") +
		one("poor", "poor", "    fallback: empty\n") + one("empty", "empty", "") + one("alone", "alone", "") +
		strings.Replace(one("strange", "strange", ""), "[store]", "[other]", 1) +
		one("away", "away", "    fallback: strange\n") +
		strings.Replace(one("narrow", "narrow", ""), "prod/**", "prod/pay/*", 1) +
		one("half", "half", "    fallback: narrow\n")
	files := map[string]string{"config.yaml": config}
	for _, name := range []string{"par", "rbx", "poor", "alone", "strange", "away", "narrow", "half"} {
		files[name+"/token"] = "eyJ.planted." + name
	}
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return connections.Open(connections.Options{File: filepath.Join(root, "config.yaml")})
}

// over returns the plan of a mount over a connection.
func over(t *testing.T, held *connections.Set, name string,
	change ...func(*plan.Request)) (plan.Plan, []failure.Failure) {
	t.Helper()
	change = append(changes{plantest.Without("region"), plantest.Without("okmsId"), plantest.Credentials(nil),
		plantest.With("connection", name)}, change...)
	return plantest.Of(plantest.Request(change...), held, time.Now())
}

func TestAConnectionAndItsFallback(t *testing.T) {
	held := regions(t)
	for name, c := range map[string]struct {
		fallback string
		reason   string // why there is none for the secret, for the log
	}{
		"par":   {"rbx", ""},
		"alone": {"", ""},
		"poor":  {"", `the fallback "empty" has no usable credential`},
		"away":  {"", `no rule of the fallback "strange" matches`},
		"half":  {"narrow", `the fallback "narrow" does not allow the path`},
	} {
		p, failures := over(t, held, name)
		if len(failures) > 0 {
			t.Fatalf("%s: %v", name, failures)
		}
		fallback := ""
		if p.Fallback != nil {
			fallback = p.Fallback.Connection
		}
		if p.Connection != name || p.Domain.Endpoint != "https://"+name+".example" || fallback != c.fallback {
			t.Errorf("%s: the plan is %s at %s with the fallback %q", name, p.Connection, p.Domain.Endpoint, fallback)
		}
		if got := p.WithoutFallback(okms.Ref{Path: "prod/shop/db"}); !strings.Contains(got, c.reason) ||
			got != "" && c.reason == "" {
			t.Errorf("%s: got %q, want %q", name, got, c.reason)
		}
	}
	own, _ := plantest.Of(plantest.Request(), held, time.Now())
	par, _ := over(t, held, "par")
	alone, _ := over(t, held, "alone")
	if own.MaxStale(time.Hour) != time.Hour || alone.MaxStale(time.Hour) != time.Hour ||
		par.MaxStale(time.Hour) != 5*time.Minute {
		t.Error("maxStale is that of another")
	}
}

// TestAConnectionThatAPodMayNotUse: the pod gets the same text as for one that does not exist.
func TestAConnectionThatAPodMayNotUse(t *testing.T) {
	held := regions(t)
	namespace, account := "csi.storage.k8s.io/pod.namespace", "csi.storage.k8s.io/serviceAccount.name"
	for name, c := range map[string]struct {
		connection string
		change     changes
		text       string
		hidden     string
	}{
		"not there": {"nope", nil, `there is no connection "nope" that service account "web" of namespace "store" may use`,
			"there is no such connection"},
		"not its namespace": {"strange", nil,
			`there is no connection "strange" that service account "web" of namespace "store" may use`,
			"the connection exists"},
		"no service account": {"par", changes{plantest.Without(account)},
			`there is no connection "par" that a service account that is not stated of namespace "store" may use`,
			"the connection exists"},
		"no namespace": {"par", changes{plantest.Without(namespace)},
			`there is no connection "par" that service account "web" of a namespace that is not stated may use`,
			"the connection exists"},
		"not the path":  {"narrow", nil, `connection "narrow" does not allow "prod/shop/db"`, ""},
		"no credential": {"empty", nil, `connection "empty" has no usable credential`, "no such folder"},
	} {
		_, failures := over(t, held, c.connection, c.change...)
		if len(failures) != 1 {
			t.Fatalf("%s: %v", name, failures)
		}
		if got := failures[0]; !strings.Contains(got.Text(), c.text) || !strings.Contains(got.Hidden, c.hidden) ||
			c.hidden != "" && strings.Contains(got.Text(), c.hidden) {
			t.Errorf("%s: got %q, hidden %q", name, got.Text(), got.Hidden)
		}
	}
}

func TestTextsAboutConnectionsSayWhatIsMeant(t *testing.T) {
	held := regions(t)
	_, failures := over(t, held, "", plantest.Without("connection"))
	if len(failures) != 1 ||
		!strings.Contains(failures[0].Text(),
			"neither region nor endpoint nor credentials are given, and there is no connection") ||
		!strings.Contains(failures[0].Text(), "give region, okmsId and nodePublishSecretRef") {
		t.Errorf("nothing is given: %v", failures)
	}
	for path, want := range map[string]bool{"secret/data/prod/shop/db": true, "secret/data/other/db": false,
		"other/db": false} {
		_, failures := over(t, held, "par", plantest.Objects("- secretPath: "+path))
		if len(failures) != 1 || strings.Contains(failures[0].Text(), "drop secret/data/: the path is prod/shop/db") != want {
			t.Errorf("%s: %v", path, failures)
		}
	}
}

// TestACredentialThatCameWithTheMount gets what belongs to the endpoint, or is an error.
func TestACredentialThatCameWithTheMount(t *testing.T) {
	client := map[string]string{"clientId": "EU.id", "clientSecret": "s3cr3t-of-some-length"}
	p, failures := plantest.Of(plantest.Request(plantest.Credentials(client)), nil, time.Now())
	if len(failures) > 0 || p.Credential.Client().TokenURL != "https://www.ovh.com/auth/oauth2/token" {
		t.Errorf("tokens come from %q, %v", p.Credential.Client().TokenURL, failures)
	}
	client["token"] = "eyJ.another.kind"
	_, failures = plantest.Of(plantest.Request(plantest.Credentials(client)), nil, time.Now())
	if len(failures) != 1 || failures[0].Kind != failure.NoCredential ||
		!strings.Contains(failures[0].Text(), "holds both") {
		t.Errorf("two kinds: %v", failures)
	}
}
