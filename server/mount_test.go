// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

func TestTheDriversAnswer(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"prod/shop/db": `{"user":"u","password":"p"}`,
		"prod/whole": `{"b":1.0,"a":12345678901234567890,"h":"<&>"}`})
	resp, err := d.Client.Mount(t.Context(), d.Request(harness.Mount{Objects: harness.Lines(
		"- secretPath: prod/shop/db", "  secretKey: password", "  objectName: db/password", "  filePermission: 0440",
		"- secretPath: prod/whole")}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, f := range resp.GetFiles() {
		v := resp.GetObjectVersion()[i]
		got = append(got, fmt.Sprintf("%s %o %s id=%s version=%.2s", f.GetPath(), f.GetMode(), f.GetContents(), v.GetId(),
			v.GetVersion()))
	}
	want := []string{`db/password 440 p id=db/password version=1-`,
		`whole 644 {"b":1.0,"a":12345678901234567890,"h":"<&>"} id=whole version=1-`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if resp.GetError() != nil {
		t.Errorf("error field = %v", resp.GetError())
	}
}

func TestRequestsWithoutCredentials(t *testing.T) {
	t.Parallel()
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

func TestInvalidRequests(t *testing.T) {
	t.Parallel()
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
			if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(),
				"the driver's request: "+field+" is not a") || strings.Contains(err.Error(), "planted") {
				t.Errorf("%s %q: %v", field, wrong, err)
			}
		}
	}
}

func TestACancelledMountDoesNotAffectTheNext(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	repair := d.Store.Break(t, emulator.Fault{Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := d.Do(ctx, harness.Mount{Objects: "- secretPath: s"})
		gone <- err
	}()
	d.Store.AwaitRequests(t, 1)
	cancel()
	if err := <-gone; status.Code(err) != codes.Canceled {
		t.Errorf("the caller's own end is %v", err)
	}
	repair()
	if _, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s"}); err != nil {
		t.Error(err)
	}
}
