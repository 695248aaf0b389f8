package server_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

func TestWhatTheDriverIsGiven(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"prod/shop/db": `{"user":"u","password":"p"}`, "prod/whole": `{"b":1.0,"a":12345678901234567890,"h":"<&>"}`})
	resp, err := d.Client.Mount(t.Context(), d.Request(harness.Mount{Objects: harness.Lines(
		"- secretPath: prod/shop/db", "  secretKey: password", "  objectName: db/password", "  filePermission: 0440",
		"- secretPath: prod/whole")}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, f := range resp.GetFiles() {
		v := resp.GetObjectVersion()[i]
		got = append(got, fmt.Sprintf("%s %o %s id=%s version=%.2s", f.GetPath(), f.GetMode(), f.GetContents(), v.GetId(), v.GetVersion()))
	}
	want := []string{`db/password 440 p id=db/password version=1-`, `whole 644 {"b":1.0,"a":12345678901234567890,"h":"<&>"} id=whole version=1-`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if resp.GetError() != nil {
		t.Errorf("error field = %v", resp.GetError())
	}
}

func TestARequestWithoutCredentialsInEveryForm(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	for _, secrets := range []string{"", "null", "{}", `{"csi.storage.k8s.io/serviceAccount.tokens":"{}"}`} {
		req := d.Request(harness.Mount{Objects: "- secretPath: a"})
		req.Secrets = secrets
		_, err := d.Client.Mount(t.Context(), req)
		if status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "no credentials came with the mount") {
			t.Errorf("secrets %q: %v", secrets, err)
		}
	}
}

func TestARequestThatIsNotTheDrivers(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	for _, field := range []string{"attributes", "secrets", "permission"} {
		for _, wrong := range []string{"planted", `["planted"]`, `{"a":1}`, "-1", "9999"} {
			req := d.Request(harness.Mount{Objects: "- secretPath: a"})
			switch field {
			case "attributes":
				req.Attributes = wrong
			case "secrets":
				req.Secrets = wrong
			default:
				req.Permission = wrong
			}
			_, err := d.Client.Mount(t.Context(), req)
			if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "the driver's request: "+field+" is not a") || strings.Contains(err.Error(), "planted") {
				t.Errorf("%s %q: %v", field, wrong, err)
			}
		}
	}
}

// sensibleModes are some that differ.
var sensibleModes = []int32{0o400, 0o440, 0o444, 0o600, 0o640, 0o644, 0o700}

// TestManyMountsAtOnce: two credentials that may read different things, modes,
// good and bad classes, all over one socket; every answer is right for its own
// request.
func TestManyMountsAtOnce(t *testing.T) {
	const mounts, secrets = 100, 10
	d := harness.Start(t, harness.Options{MaxReads: 16})
	for i := range secrets {
		d.Store.Hold(t, map[string]string{
			fmt.Sprintf("a/s%d", i): fmt.Sprintf(`{"v":"of a, %d"}`, i),
			fmt.Sprintf("b/s%d", i): fmt.Sprintf(`{"v":"of b, %d"}`, i),
		})
	}
	for _, team := range []string{"a", "b"} {
		if err := d.Store.AddToken("token-of-"+team, emulator.Identity{Name: team, Paths: []string{team + "/"}}); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	for i := range mounts {
		all.Go(func() {
			team, other := "a", "b"
			if i%2 == 1 {
				team, other = other, team
			}
			m := harness.Mount{Token: "token-of-" + team}
			mode := sensibleModes[i%len(sensibleModes)]
			for s := range secrets {
				m.Objects += harness.Lines(fmt.Sprintf("- secretPath: %s/s%d", team, (s+i)%secrets), "  secretKey: v", fmt.Sprintf("  objectName: f%d", s), fmt.Sprintf("  filePermission: 0%o", mode))
			}
			switch i % 5 {
			case 3: // a secret of the other team
				m.Objects += fmt.Sprintf("- secretPath: %s/s0\n", other)
				if _, err := d.Do(t.Context(), m); status.Code(err) != codes.PermissionDenied || !strings.Contains(err.Error(), fmt.Sprintf("objects[10] \"s0\" (secret \"%s/s0\"", other)) {
					t.Errorf("mount %d: %v", i, err)
				}
			case 4: // a typo
				m.Objects += "- secretPth: x\n"
				if _, err := d.Do(t.Context(), m); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), `objects[10].secretPth: unknown field; did you mean "secretPath"?`) {
					t.Errorf("mount %d: %v", i, err)
				}
			default:
				resp, err := d.Client.Mount(t.Context(), d.Request(m))
				if err != nil {
					t.Errorf("mount %d: %v", i, err)
					return
				}
				for s, f := range resp.GetFiles() {
					if want := fmt.Sprintf("of %s, %d", team, (s+i)%secrets); string(f.GetContents()) != want || f.GetPath() != fmt.Sprintf("f%d", s) || f.GetMode() != mode {
						t.Errorf("mount %d: file %s, mode %o, holds %q, want %q", i, f.GetPath(), f.GetMode(), f.GetContents(), want)
					}
				}
				if len(resp.GetFiles()) != secrets || len(resp.GetObjectVersion()) != secrets {
					t.Errorf("mount %d: %d files, %d versions", i, len(resp.GetFiles()), len(resp.GetObjectVersion()))
				}
			}
		})
	}
	all.Wait()
}

func TestTwoObjectsOfOneSecretAreOneRead(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"s": `{"a":"1","b":"2"}`})
	if _, err := d.Do(t.Context(), harness.Mount{Objects: harness.Lines("- secretPath: s", "  secretKey: a", "- secretPath: s", "  secretKey: b", "- secretPath: s", "  allKeys: true", "  objectName: d")}); err != nil {
		t.Fatal(err)
	}
	if got := d.Store.Requests(); len(got) != 1 {
		t.Errorf("%d requests: %+v", len(got), got)
	}
}

func TestCancelledCallersLeaveNothingBehind(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	mend := d.Store.Break(t, emulator.Fault{Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := d.Do(ctx, harness.Mount{Objects: "- secretPath: s"})
		gone <- err
	}()
	if err := d.Store.Await(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-gone; status.Code(err) != codes.Canceled {
		t.Errorf("the caller's own end is %v", err)
	}
	mend()
	if _, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"}); err != nil {
		t.Error(err)
	}
}
