// SPDX-License-Identifier: Apache-2.0

package main

import (
	"compress/gzip"
	"encoding/pem"
	"fmt"
	"io"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"ovhcloud-csi-provider/server/kube/kubetest"
	"ovhcloud-csi-provider/server/tracing/tracingtest"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// The daemon runs with -v=10 and the debugging of gRPC and HTTP, through valid mounts and
// every failure. The test looks for the planted values in the log, in the errors, in events, in
// traces, in profiles, and in the pages of the admin address.
func TestNothingSecretIsPrinted(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			store, api, collector := harness.StartStore(t), kubetest.Start(t), tracingtest.Start(t)
			cert, key := plant(t, store)
			env, args := inCluster(t, api)
			p := startDaemon(t, store, harness.SocketPath(t), append(env, "GRPC_GO_LOG_SEVERITY_LEVEL=info",
				"GRPC_GO_LOG_VERBOSITY_LEVEL=99", "GODEBUG=http2debug=2"),
				append(args, "-v=10", "--log-format="+format, "--mount-timeout=1s", "--cache-ttl=0", "--events",
					"--pprof-address=127.0.0.1:0", "--otlp-endpoint", collector.URL)...)
			var shown strings.Builder
			for i, m := range leakMounts(cert, key) {
				// Each is a renewal of a volume of its own, so that its failure is an event.
				first, renewal := store.Request(harness.Mount{Token: plantedToken, Objects: "- secretPath: s"}), store.Request(m)
				first.TargetPath, renewal.TargetPath = fmt.Sprint("/pods/", i), fmt.Sprint("/pods/", i)
				if _, err := p.client.Mount(t.Context(), first); err != nil {
					t.Error(err)
				}
				if _, err := p.client.Mount(t.Context(), renewal); err != nil {
					shown.WriteString(err.Error() + "\n")
				}
			}
			for _, fault := range leakFaults() {
				repair := store.Break(t, fault)
				_, err := p.client.Mount(t.Context(), store.Request(harness.Mount{Token: plantedToken, Objects: "- secretPath: s"}))
				if err == nil {
					t.Errorf("no failure with %+v", fault)
				}
				shown.WriteString(err.Error() + "\n")
				repair()
			}
			broken := store.Request(harness.Mount{Objects: "- secretPath: s"})
			broken.Secrets = `{"token": ["` + plantedToken + `"]}`
			_, err := p.client.Mount(t.Context(), broken)
			shown.WriteString(err.Error() + "\n")
			for _, path := range []string{"/metrics", "/healthz", "/readyz", "/debug/pprof/heap", "/debug/vars", "/nowhere"} {
				shown.WriteString(harness.Page(t, p.admin+path))
			}
			if !eventually(time.Minute, func() bool { return len(api.Requests()) >= 10 }) {
				t.Errorf("%d events were written", len(api.Requests()))
			}
			for _, name := range []string{"heap", "allocs", "goroutine", "profile?seconds=0.1"} {
				shown.WriteString(profile(t, p, name))
			}
			p.stop(t, syscall.SIGTERM)
			if n := len(collector.Spans()); n < 200 {
				t.Errorf("only %d spans were sent", n)
			}
			shown.WriteString(api.Text() + collector.Raw())
			block, _ := pem.Decode(key)
			part := plantedToken[len(plantedToken)/2:][:24]
			lookFor(t, shown.String(), plantedValue, plantedToken, part, plantedAccount, kubetest.Token, string(key),
				string(block.Bytes))
			lookFor(t, p.log.String(), plantedValue, plantedToken, part, plantedAccount, kubetest.Token, string(key),
				string(block.Bytes))
			if strings.Count(shown.String(), "SecretProviderClass store/shop") < 25 {
				t.Errorf("too few errors were looked at:\n%s", shown.String())
			}
		})
	}
}

var profilesAt = regexp.MustCompile(`profiles[":=]+([0-9.]+:[0-9]+)`)

// profile returns a profile of a daemon, uncompressed.
func profile(t *testing.T, p *process, name string) string {
	t.Helper()
	at := profilesAt.FindStringSubmatch(p.log.String())
	if at == nil {
		t.Fatalf("no profiles are served:\n%s", p.log)
	}
	page := strings.TrimPrefix(harness.Page(t, "http://"+at[1]+"/debug/pprof/"+name), "200 ")
	in, err := gzip.NewReader(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func plant(t *testing.T, store *harness.Store) (cert, key []byte) {
	t.Helper()
	store.Hold(t, map[string]string{"s": `{"a":"` + plantedValue + `","n":{"b":"` + plantedValue + `"},"x/y":"` +
		plantedValue + `"}`, "off": `{"a":"` + plantedValue + `"}`, "gone": `{"a":"` + plantedValue + `"}`})
	for path, data := range map[string]string{"list": `["` + plantedValue + `"]`, "text": `"` + plantedValue + `"`,
		"twice": `{"a":"` + plantedValue + `","a":"` + plantedValue + `"}`,
		"half":  `{"a":"` + plantedValue + `\ud83d"}`, "cut": `{"a":"` + plantedValue} {
		if _, err := store.PutRaw(path, data); err != nil {
			t.Fatal(err)
		}
	}
	for path, state := range map[string]emulator.State{"off": emulator.Deactivated, "gone": emulator.Deleted} {
		if err := store.SetState(path, 0, state); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.AddToken(plantedToken, emulator.Identity{}); err != nil {
		t.Fatal(err)
	}
	if err := store.AddToken(plantedToken+"-without-rights", emulator.Identity{Actions: []string{}}); err != nil {
		t.Fatal(err)
	}
	cert, key, err := store.IssueCertificate(emulator.Identity{})
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// leakMounts returns valid mounts, and mounts that fail because of the class, the
// credential or the secret.
func leakMounts(cert, key []byte) []harness.Mount {
	mounts := []harness.Mount{
		{Token: plantedToken, Objects: "- secretPath: s\n- secretPath: s\n  secretKey: n.b\n"},
		{Secrets: map[string]string{"tls.crt": string(cert), "tls.key": string(key)}, Objects: "- secretPath: s"},
	}
	for _, objects := range []string{"- secretPath: s\n  allKeys: true", "- secretPath: s\n  secretKey: x",
		"- secretPath: s\n  secretKey: a\n  encoding: base64",
		"- secretPath: s\n  secretKey: n\n  encoding: hex", "- secretPath: off", "- secretPath: gone", "- secretPath: absent",
		"- secretPath: s\n  objectVersion: 7",
		"- secretPath: list", "- secretPath: text", "- secretPath: twice", "- secretPath: half\n  secretKey: a",
		"- secretPath: cut", "- secretPth: s", "\t- x"} {
		mounts = append(mounts, harness.Mount{Token: plantedToken, Objects: objects})
	}
	for _, secrets := range []map[string]string{
		{"token": plantedToken + "-unknown"}, {"token": plantedToken + "-without-rights"},
		{"token": plantedToken + "\n" + plantedToken}, {"token": plantedToken, "tls.key": string(key)},
		{"password": plantedToken}, {"tls.crt": string(cert), "tls.key": plantedToken},
		{"tls.crt": string(key), "tls.key": string(cert)}, {"tls.key": string(key)},
	} {
		mounts = append(mounts, harness.Mount{Secrets: secrets, Objects: "- secretPath: s"})
	}
	for name, value := range map[string]string{"endpoint": "https://x:" + plantedToken + "@127.0.0.1", "caBundle": " ",
		"okmsId": "00000000-0000-0000-0000-000000000000", "unknown": plantedToken} {
		mounts = append(mounts, harness.Mount{Token: plantedToken, Objects: "- secretPath: s",
			Attributes: map[string]string{name: value}})
	}
	return mounts
}

// leakFaults returns faults in such an order that OKMS never fails three mounts in a row,
// which would open the circuit breaker.
func leakFaults() []emulator.Fault {
	return []emulator.Fault{{Echo: true}, {Echo: true, Status: 401}, {Echo: true, Status: 403}, {Hang: true},
		{Truncate: true}, {TLSAlert: true},
		{CloseAfterHeaders: true}, {Status: 429},
		{Status: 200, Body: `{"data":{"data":{"a":"` + plantedValue + `"}}}`}, {Status: 500},
		{Status: 502, ContentType: "text/html", Body: "<html>" + plantedValue}, {Status: 200, Body: `{"a":"` + plantedValue},
		{Redirect: "https://" + "x.example/" + plantedValue}}
}
