// SPDX-License-Identifier: Apache-2.0

package messages

import (
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

func TestTheCodeOfEachFaultOfTheStore(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		fault emulator.Fault
		code  codes.Code
		words []string
	}{
		{"hangs", emulator.Fault{Hang: true}, codes.Internal,
			[]string{`objects[0] "s" (secret "s", latest version): no answer from OKMS in time`,
				"for an answer; kubelet tries again"}},
		{"limits", emulator.Fault{Status: 429, RetryAfter: "3600"}, codes.Internal,
			[]string{"OKMS limits requests at the moment", "HTTP 429"}},
		{"has a fault", emulator.Fault{Status: 500}, codes.Internal, []string{"has a fault", "HTTP 500"}},
		{"is down behind a proxy", emulator.Fault{Status: 502, ContentType: "text/html", Body: "<html>bad gateway</html>"},
			codes.Internal,
			[]string{"not an answer of OKMS: 24 bytes of text/html (HTTP 502), perhaps of a proxy or firewall on the way"}},
		{"is down", emulator.Fault{Status: 503}, codes.Internal, []string{"has a fault", "HTTP 503"}},
		{"times out behind a proxy", emulator.Fault{Status: 504}, codes.Internal, []string{"has a fault", "HTTP 504"}},
		{"refuses the token", emulator.Fault{Status: 401}, codes.Unauthenticated,
			[]string{"OKMS refused the token ", " from nodePublishSecretRef", "HTTP 401"}},
		{"denies", emulator.Fault{Status: 403}, codes.PermissionDenied,
			[]string{"okms:apikms:secret/version/getData", "HTTP 403"}},
		{"rejects", emulator.Fault{Status: 400}, codes.InvalidArgument, []string{"OKMS rejected the request", "HTTP 400"}},
		{"sends half an answer", emulator.Fault{Truncate: true}, codes.Internal,
			[]string{"the connection broke within the answer"}},
		{"hangs up after the headers", emulator.Fault{CloseAfterHeaders: true}, codes.Internal,
			[]string{"the connection broke within the answer"}},
		{"drips", emulator.Fault{Drip: time.Second}, codes.Internal,
			[]string{"no answer from OKMS in time", "for the rest of the answer"}},
		{"answers HTML", emulator.Fault{Status: 200, ContentType: "text/html", Body: "<html>hello</html>"}, codes.Internal,
			[]string{"unreadable answer: not the JSON that OKMS sends (18 bytes of text/html)"}},
		{"redirects", emulator.Fault{Redirect: "https://evil.example/"}, codes.Internal,
			[]string{"answered with a redirect, which is not followed"}},
		{"refuses the handshake", emulator.Fault{TLSAlert: true}, codes.Unauthenticated,
			[]string{"OKMS refused the token", "bad certificate"}},
		{"echoes the token", emulator.Fault{Echo: true}, codes.Internal, []string{"has a fault", "[redacted]"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := harness.Start(t, harness.Options{MountTimeout: 3 * time.Second})
			d.Store.Hold(t, map[string]string{"s": `{"a":"hunter2-planted"}`})
			d.Store.Break(t, c.fault)
			_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"})
			harness.WantError(t, err, c.code, c.words...)
			if strings.Contains(err.Error(), harness.Token) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the message shows a secret: %v", err)
			}
		})
	}
}

func TestTheCodeOfEachMistakeInAClass(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"s": `{"a":"1"}`, "off": `{"a":"1"}`, "gone": `{"a":"1"}`, "more": `{"a":"2"}`})
	d.Store.Hold(t, map[string]string{"off": `{"a":"2"}`})
	for path, state := range map[string]emulator.State{"off": emulator.Deactivated, "gone": emulator.Deleted} {
		if err := d.Store.SetState(path, 0, state); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Store.AddToken("may-nothing", emulator.Identity{Actions: []string{}}); err != nil {
		t.Fatal(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name  string
		mount harness.Mount
		code  codes.Code
		words []string
	}{
		{"a typo", harness.Mount{Objects: "- secretPth: s"}, codes.InvalidArgument, []string{`did you mean "secretPath"?`}},
		{"an absent secret", harness.Mount{Objects: "- secretPath: S"}, codes.NotFound,
			[]string{"OKMS has no such secret", "error code 17125377"}},
		{"an absent version", harness.Mount{Objects: "- secretPath: s\n  objectVersion: 9"}, codes.NotFound,
			[]string{`(secret "s", version 9): OKMS has no such version`, "the latest active version is 1"}},
		{"an absent key", harness.Mount{Objects: "- secretPath: s\n  secretKey: b"}, codes.NotFound,
			[]string{`has no key "b"`, `its keys are "a"`}},
		{"a deactivated version", harness.Mount{Objects: "- secretPath: off"}, codes.FailedPrecondition,
			[]string{"version 2 is deactivated since ", "the latest active version is 1"}},
		{"a deleted version", harness.Mount{Objects: "- secretPath: gone"}, codes.FailedPrecondition,
			[]string{"version 1 is deleted for good", "no version is active"}},
		{"another domain", harness.Mount{Objects: "- secretPath: s",
			Attributes: map[string]string{"okmsId": "00000000-0000-0000-0000-000000000000"}}, codes.NotFound,
			[]string{"there is no OKMS domain 00000000-0000-0000-0000-000000000000 at 127.0.0.1"}},
		{"a wrong token", harness.Mount{Objects: "- secretPath: s", Token: "wrong"}, codes.Unauthenticated,
			[]string{"OKMS refused the token "}},
		{"a token encoded twice", harness.Mount{Objects: "- secretPath: s", Token: "ZXlKaGJHY2k="}, codes.Unauthenticated,
			[]string{"looks base64-encoded twice"}},
		{"a token without rights", harness.Mount{Objects: "- secretPath: s", Token: "may-nothing"}, codes.PermissionDenied,
			[]string{"grant its identity the IAM action okms:apikms:secret/version/getData on the OKMS domain"}},
		{"no CA", harness.Mount{Objects: "- secretPath: s", Attributes: map[string]string{"caBundle": ""}}, codes.Internal,
			[]string{"certificate is not trusted: 127.0.0.1", "signed by an unknown authority", "caBundle"}},
		{"an unknown host name", harness.Mount{Objects: "- secretPath: s",
			Attributes: map[string]string{"region": "no-such-region",
				"endpoint": ""}}, codes.Internal, []string{"OKMS cannot be reached: no-such-region.okms.ovh.net: name lookup " +
			"failed"}},
		{"an endpoint elsewhere", harness.Mount{Objects: "- secretPath: s",
			Attributes: map[string]string{"endpoint": "https://" +
				closed.Addr().String()}}, codes.PermissionDenied, []string{"no credential is sent there"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := d.Do(t.Context(), c.mount)
			harness.WantError(t, err, c.code, append(c.words, "SecretProviderClass store/shop: ")...)
		})
	}
}

func TestEveryFailingObjectIsNamedInOrder(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"s": `{"a":"1"}`, "off": `{}`})
	if err := d.Store.SetState("off", 0, emulator.Deactivated); err != nil {
		t.Fatal(err)
	}
	_, err := d.Do(t.Context(), harness.Mount{Objects: harness.Lines("- secretPath: off", "- secretPath: s",
		"- secretPath: x", "- secretPath: s", "  secretKey: b", "- secretPath: y")})
	harness.WantError(t, err, codes.NotFound, "4 errors:\n- objects[0]", "\n- objects[2]", "\n- objects[3]",
		"\n- objects[4]")
}

func TestObjectsThatFailAlikeShareALine(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	_, err := d.Do(t.Context(), harness.Mount{Token: "wrong", Objects: harness.Lines("- secretPath: a",
		"- secretPath: b")})
	harness.WantError(t, err, codes.Unauthenticated,
		`objects[0] "a" (secret "a", latest version), objects[1] "b" (secret "b", latest version): OKMS refused the token`)
	if strings.Contains(err.Error(), "errors:") {
		t.Errorf("it is in the message twice: %v", err)
	}
}
