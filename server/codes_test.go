package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// forbidden are the codes after which a pod may start with an empty volume.
func forbidden(err error) bool {
	switch status.Code(err) {
	case codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted, codes.Aborted:
		return true
	}
	return false
}

// want checks the answer to a mount that must fail: its code, and words of it.
func want(t *testing.T, err error, code codes.Code, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("the mount succeeded")
	}
	if forbidden(err) || status.Code(err) != code {
		t.Errorf("code %s, want %s: %v", status.Code(err), code, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the message lacks %q: %v", w, err)
		}
	}
}

func TestWhateverTheStoreDoesTheCodeIsFinal(t *testing.T) {
	cases := []struct {
		name  string
		fault emulator.Fault
		code  codes.Code
		words []string
	}{
		{"hangs", emulator.Fault{Hang: true}, codes.Internal, []string{`objects[0] "s" (secret "s", latest version): no answer from OKMS in time`, "for an answer; kubelet tries again"}},
		{"limits", emulator.Fault{Status: 429, RetryAfter: "3600"}, codes.Internal, []string{"OKMS limits requests at the moment", "HTTP 429"}},
		{"has a fault", emulator.Fault{Status: 500}, codes.Internal, []string{"has a fault", "HTTP 500"}},
		{"is down behind a proxy", emulator.Fault{Status: 502, ContentType: "text/html", Body: "<html>bad gateway</html>"}, codes.Internal,
			[]string{"not an answer of OKMS: 24 bytes of text/html (HTTP 502): a proxy or firewall in between?"}},
		{"is down", emulator.Fault{Status: 503}, codes.Internal, []string{"has a fault", "HTTP 503"}},
		{"times out behind a proxy", emulator.Fault{Status: 504}, codes.Internal, []string{"has a fault", "HTTP 504"}},
		{"refuses the token", emulator.Fault{Status: 401}, codes.Unauthenticated, []string{"OKMS refused the token ", " from nodePublishSecretRef", "HTTP 401"}},
		{"denies", emulator.Fault{Status: 403}, codes.PermissionDenied, []string{"okms:apikms:secret/version/getData", "HTTP 403"}},
		{"rejects", emulator.Fault{Status: 400}, codes.InvalidArgument, []string{"OKMS rejected the request", "HTTP 400"}},
		{"sends half an answer", emulator.Fault{Truncate: true}, codes.Internal, []string{"the connection broke within the answer"}},
		{"hangs up after the headers", emulator.Fault{CloseAfterHeaders: true}, codes.Internal, []string{"the connection broke within the answer"}},
		{"drips", emulator.Fault{Drip: time.Second}, codes.Internal, []string{"no answer from OKMS in time", "for the rest of the answer"}},
		{"answers HTML", emulator.Fault{Status: 200, ContentType: "text/html", Body: "<html>hello</html>"}, codes.Internal, []string{"unreadable answer: not the JSON that OKMS sends (18 bytes of text/html)"}},
		{"redirects", emulator.Fault{Redirect: "https://evil.example/"}, codes.Internal, []string{"answered with a redirect, which is not followed"}},
		{"refuses the handshake", emulator.Fault{TLSAlert: true}, codes.Unauthenticated, []string{"OKMS refused the token", "bad certificate"}},
		{"echoes the token", emulator.Fault{Echo: true}, codes.Internal, []string{"has a fault", "[redacted]"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := harness.Start(t, harness.Options{MountTimeout: 1500 * time.Millisecond})
			d.Store.Hold(t, map[string]string{"s": `{"a":"hunter2-planted"}`})
			d.Store.Break(t, c.fault)
			_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"})
			want(t, err, c.code, c.words...)
			if strings.Contains(err.Error(), harness.Token) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the message shows a secret: %v", err)
			}
		})
	}
}

func TestWhateverTheClassSaysTheCodeIsFinal(t *testing.T) {
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
		{"an absent secret", harness.Mount{Objects: "- secretPath: S"}, codes.NotFound, []string{"OKMS has no such secret", "error code 17125377"}},
		{"an absent version", harness.Mount{Objects: "- secretPath: s\n  objectVersion: 9"}, codes.NotFound, []string{`(secret "s", version 9): OKMS has no such version`, "the latest active version is 1"}},
		{"an absent key", harness.Mount{Objects: "- secretPath: s\n  secretKey: b"}, codes.NotFound, []string{`has no key "b"`, `its keys are "a"`}},
		{"a deactivated version", harness.Mount{Objects: "- secretPath: off"}, codes.FailedPrecondition, []string{"version 2 is deactivated since ", "the latest active version is 1"}},
		{"a deleted version", harness.Mount{Objects: "- secretPath: gone"}, codes.FailedPrecondition, []string{"version 1 is deleted for good", "no version is active"}},
		{"another domain", harness.Mount{Objects: "- secretPath: s", Attributes: map[string]string{"okmsId": "00000000-0000-0000-0000-000000000000"}}, codes.NotFound, []string{"there is no OKMS domain 00000000-0000-0000-0000-000000000000 at 127.0.0.1"}},
		{"a wrong token", harness.Mount{Objects: "- secretPath: s", Token: "wrong"}, codes.Unauthenticated, []string{"OKMS refused the token "}},
		{"a token encoded twice", harness.Mount{Objects: "- secretPath: s", Token: "ZXlKaGJHY2k="}, codes.Unauthenticated, []string{"looks base64-encoded twice"}},
		{"a token without rights", harness.Mount{Objects: "- secretPath: s", Token: "may-nothing"}, codes.PermissionDenied, []string{"grant its identity the IAM action okms:apikms:secret/version/getData on the OKMS domain"}},
		{"no CA", harness.Mount{Objects: "- secretPath: s", Attributes: map[string]string{"caBundle": ""}}, codes.Internal, []string{"certificate is not trusted: 127.0.0.1", "signed by an unknown authority", "caBundle"}},
		{"nobody there", harness.Mount{Objects: "- secretPath: s", Attributes: map[string]string{"region": "no-such-region", "endpoint": ""}}, codes.Internal, []string{"OKMS cannot be reached: no-such-region.okms.ovh.net: name lookup failed"}},
		{"an endpoint elsewhere", harness.Mount{Objects: "- secretPath: s", Attributes: map[string]string{"endpoint": "https://" + closed.Addr().String()}}, codes.PermissionDenied, []string{"no credential is sent there"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := d.Do(t.Context(), c.mount)
			want(t, err, c.code, append(c.words, "SecretProviderClass store/shop: ")...)
		})
	}
}

func TestEveryFailingObjectIsNamedInOrder(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"s": `{"a":"1"}`, "off": `{}`})
	if err := d.Store.SetState("off", 0, emulator.Deactivated); err != nil {
		t.Fatal(err)
	}
	_, err := d.Do(t.Context(), harness.Mount{Objects: harness.Lines("- secretPath: off", "- secretPath: s", "- secretPath: x", "- secretPath: s", "  secretKey: b", "- secretPath: y")})
	want(t, err, codes.NotFound, "4 errors:\n- objects[0]", "\n- objects[2]", "\n- objects[3]", "\n- objects[4]")
}

func TestObjectsThatFailAlikeShareALine(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	_, err := d.Do(t.Context(), harness.Mount{Token: "wrong", Objects: harness.Lines("- secretPath: a", "- secretPath: b")})
	want(t, err, codes.Unauthenticated, `objects[0] "a" (secret "a", latest version), objects[1] "b" (secret "b", latest version): OKMS refused the token`)
	if strings.Contains(err.Error(), "errors:") {
		t.Errorf("told twice: %v", err)
	}
}

func TestACallersDeadlineLeavesUsTheLastWord(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"s": `{}`})
	d.Store.Break(t, emulator.Fault{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	_, err := d.Do(ctx, harness.Mount{Objects: "- secretPath: s"})
	want(t, err, codes.Internal, "no answer from OKMS in time")
}

func TestWaitingForRoomIsAFailureOfTheMount(t *testing.T) {
	d := harness.Start(t, harness.Options{MaxReads: 1, MountTimeout: time.Second})
	d.Store.Hold(t, map[string]string{"s": `{}`})
	d.Store.Break(t, emulator.Fault{Hang: true})
	_, err := d.Do(t.Context(), harness.Mount{Objects: harness.Lines("- secretPath: s", "- secretPath: x")})
	want(t, err, codes.Internal, "objects[0]", "objects[1]", "waited for other reads of this node to end")
}

func TestMountsUnderWayAreServedWhileShuttingDown(t *testing.T) {
	d := harness.Start(t, harness.Options{MountTimeout: 2 * time.Second})
	d.Store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	slow := d.Store.Break(t, emulator.Fault{Hang: true, Path: "data/s"})
	d.Store.Break(t, emulator.Fault{Hang: true, Path: "data/forever"})
	answers := make(chan error, 2)
	go func() {
		_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"})
		answers <- err
	}()
	go func() {
		_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: forever"})
		answers <- err
	}()
	if err := d.Store.Await(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	d.Shutdown()
	slow()
	if err := <-answers; err != nil {
		t.Errorf("the mount that could end failed: %v", err)
	}
	want(t, <-answers, codes.Internal, "no answer from OKMS in time")
	if err := d.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.Socket); !os.IsNotExist(err) {
		t.Errorf("the socket was left behind: %v", err)
	}
}

// faulty is a Mounter with faults of its own.
type faulty func(context.Context) error

func (f faulty) Mount(ctx context.Context, _ provider.Request) (provider.Response, error) {
	return provider.Response{}, f(ctx)
}

func TestWhateverAMounterReturnsTheCodeIsFinal(t *testing.T) {
	const planted = "hunter2-planted"
	for name, f := range map[string]faulty{
		"a panic":                func(context.Context) error { panic(planted) },
		"a panic of the runtime": func(context.Context) error { var none []error; return none[len(none)] },
		"a panic in a read": func(context.Context) error {
			panic(&provider.Crash{Value: errors.New(planted), Stack: []byte("stack")})
		},
		"a plain error":           func(context.Context) error { return errors.New("x") },
		"an error of the context": func(context.Context) error { return context.Canceled },
		"Unavailable":             func(context.Context) error { return status.Error(codes.Unavailable, "x") },
		"ResourceExhausted":       func(context.Context) error { return status.Error(codes.ResourceExhausted, "x") },
		"no failure at all":       func(context.Context) error { return &provider.Error{} },
	} {
		t.Run(name, func(t *testing.T) {
			d := harness.Start(t, harness.Options{Mounter: f})
			_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"})
			want(t, err, codes.Internal)
			if strings.Contains(err.Error(), planted) {
				t.Errorf("the message shows what the panic carried: %v", err)
			}
		})
	}
}

func TestAPanicEndsOneMountOnly(t *testing.T) {
	first := true
	d := harness.Start(t, harness.Options{Mounter: faulty(func(context.Context) error {
		if first {
			first = false
			panic("x")
		}
		return nil
	})})
	_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"})
	want(t, err, codes.Internal, "a fault of this program ended the mount; its log has more")
	if _, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"}); err != nil {
		t.Error(err)
	}
	if got := harness.Page(t, d.Admin+"/metrics"); !strings.Contains(got, "ovhcloud_csi_panics_total 1\n") || !strings.Contains(got, `ovhcloud_csi_mounts_total{result="broken"} 1`) {
		t.Error("the metrics do not count the panic")
	}
}

func TestALargeRequestIsNotGRPCsToRefuse(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	_, err := d.Do(t.Context(), harness.Mount{Objects: strings.Repeat("- secretPath: a\n", 1<<20)})
	want(t, err, codes.InvalidArgument, `SecretProviderClass in namespace "store": the driver's request: attributes is not a text of 1 MiB at most`)
	_, err = d.Do(t.Context(), harness.Mount{Objects: strings.Repeat("- secretPath: a\n", 70_000)})
	want(t, err, codes.InvalidArgument, "SecretProviderClass store/shop: the driver's request: attributes is not a text of 1 MiB at most")
	_, err = d.Do(t.Context(), harness.Mount{Objects: "- secretPath: a", Secrets: map[string]string{"token": "t", "other": strings.Repeat("x", 3<<20)}})
	want(t, err, codes.InvalidArgument, `SecretProviderClass in namespace "store": the driver's request: it is longer than 2097152 bytes; name a Secret`)
}

func TestTooLargeAnAnswerIsFinalToo(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	var objects strings.Builder
	for i := range 70 {
		d.Store.Hold(t, map[string]string{fmt.Sprintf("s%d", i): `{"a":"` + strings.Repeat("x", 60000) + `"}`})
		fmt.Fprintf(&objects, "- secretPath: s%d\n", i)
	}
	_, err := d.Do(t.Context(), harness.Mount{Objects: objects.String()})
	want(t, err, codes.InvalidArgument, "more than the 3670016 bytes that the driver accepts")
}

func TestACertificateIsALogin(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	cert, key, err := d.Store.IssueCertificate(emulator.Identity{Name: "by certificate"})
	if err != nil {
		t.Fatal(err)
	}
	files, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s", Secrets: map[string]string{"tls.crt": string(cert), "tls.key": string(key)}})
	if err != nil || files["s"] != `{"a":"1"}` {
		t.Fatalf("%v, %v", files, err)
	}
	if got := d.Store.Requests(); got[0].Auth != "certificate" || got[0].Identity != "by certificate" {
		t.Errorf("request = %+v", got[0])
	}
}

func TestAMountThatDoesNotEndIsAnsweredFor(t *testing.T) {
	release := make(chan struct{})
	d := harness.Start(t, harness.Options{MountTimeout: 100 * time.Millisecond, Mounter: faulty(func(context.Context) error { <-release; return nil })})
	end := sync.OnceFunc(func() { close(release) })
	defer end()
	begin := time.Now()
	_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"})
	want(t, err, codes.Internal, "the mount did not end in time")
	if took := time.Since(begin); took < 100*time.Millisecond {
		t.Errorf("it was answered for after %s", took)
	}
	// It holds what it took, so that the daemon is to be restarted, unless it ends.
	awaitHealth := func(page string) {
		t.Helper()
		harness.Await(t, "/healthz to be "+page, func() bool { return strings.HasPrefix(harness.Page(t, d.Admin+"/healthz"), page) })
	}
	awaitHealth("503 1 mount did not end when its time was over")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = d.Do(ctx, harness.Mount{Objects: "- secretPath: s"})
	want(t, err, codes.Internal, "the mount did not end in time")
	end()
	awaitHealth("200")
	if err := d.Stop(); err != nil {
		t.Errorf("the server could not end: %v", err)
	}
}

func TestThousandsOfObjectsOfOneSecret(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	var secret, objects strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&secret, `"key-%04d":"%s",`, i, "0123456789")
	}
	d.Store.Hold(t, map[string]string{"s": "{" + strings.TrimSuffix(secret.String(), ",") + "}"})
	for i := range 900 {
		fmt.Fprintf(&objects, "- {secretPath: s, secretKey: key-%04d}\n", i)
	}
	files, err := d.Do(t.Context(), harness.Mount{Objects: objects.String()})
	if err != nil || len(files) != 900 || files["key-0899"] != "0123456789" {
		t.Errorf("%d files, %v", len(files), err)
	}
	if got := len(d.Store.Requests()); got != 1 {
		t.Errorf("%d requests", got)
	}
}

func TestAnOlderDaemonServesAgainWhenTheNewerOneEnds(t *testing.T) {
	older := harness.Start(t, harness.Options{})
	older.Store.Hold(t, map[string]string{"s": `{}`})
	newer := harness.Start(t, harness.Options{Socket: older.Socket, Emulator: older.Store})
	if _, err := newer.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"}); err != nil {
		t.Fatal(err)
	}
	if err := newer.Stop(); err != nil {
		t.Fatal(err)
	}
	// Both clients wait until somebody answers at the path.
	for _, d := range []*harness.Daemon{older, newer} {
		if _, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"}); err != nil {
			t.Error(err)
		}
	}
}
