// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/test/emulator"
)

// A first publish may fail only with these codes: kubelet removes the folder, and the next publish calls the provider.
// After another code the pod may start with an empty volume: TestDriverLeavesAnEmptyVolumeAfterANonFinalCode.
var finalCodes = []codes.Code{
	codes.InvalidArgument, codes.Unauthenticated, codes.PermissionDenied, codes.NotFound, codes.FailedPrecondition,
	codes.Internal,
}

// failure makes the first publish in a working shop fail. The returned function removes the cause.
type failure func(s *shop) (fix func())

const onlyObject = "- {secretPath: prod/shop/db, secretKey: user, objectName: user}"

// storeFailures are failures of Secret Manager.
func storeFailures() map[string]failure {
	all := map[string]failure{}
	for name, fault := range map[string]emulator.Fault{
		"too many requests":            {Status: 429, RetryAfter: "1"},
		"too many requests for a year": {Status: 429, RetryAfter: "31536000"},
		"internal error":               {Status: 500},
		"unavailable":                  {Status: 503},
		"gateway timeout":              {Status: 504},
		"request timeout":              {Status: 408},
		"conflict":                     {Status: 409},
		"web page":                     {Status: 200, ContentType: "text/html", Body: "<html>maintenance</html>"},
		"web page of a gateway":        {Status: 502, ContentType: "text/html", Body: "<html>bad gateway</html>"},
		"empty answer":                 {Status: 204},
		"truncated":                    {Truncate: true},
		"connection closed":            {CloseAfterHeaders: true},
		"no answer":                    {Hang: true},
		"slow answer":                  {Drip: time.Second},
		"redirect":                     {Redirect: closedEndpoint},
		"credential echoed":            {Echo: true},
		"tls alert":                    {TLSAlert: true},
	} {
		all[name] = func(s *shop) func() { return s.fault(fault) }
	}
	return all
}

// classFailures are errors in the SecretProviderClass or in the pod's credential.
func classFailures() map[string]failure {
	parameter := func(name, value string) failure {
		return func(s *shop) func() {
			parameters := map[string]string{"objects": onlyObject}
			parameters[name] = value
			s.classWith(parameters, "")
			return func() { s.class(onlyObject) }
		}
	}
	object := func(text string) failure { return parameter("objects", text) }
	credentials := func(data map[string]string) failure {
		return func(s *shop) func() {
			s.credentials("okms", data)
			return func() { s.credentials("okms", map[string]string{"token": token}) }
		}
	}
	return map[string]failure{
		"no such secret":        object("- {secretPath: prod/shop/nothing, objectName: user}"),
		"no such key":           object("- {secretPath: prod/shop/db, secretKey: nothing, objectName: user}"),
		"no such version":       object("- {secretPath: prod/shop/db, secretKey: user, objectVersion: 99, objectName: user}"),
		"unknown field":         object("- {secretPath: prod/shop/db, secretkey: user, objectName: user}"),
		"not a list":            object("secretPath: prod/shop/db"),
		"duplicate name":        object(onlyObject + "\n" + onlyObject),
		"invalid base64":        object("- {secretPath: prod/shop/db, secretKey: host, encoding: base64, objectName: user}"),
		"unknown parameter":     parameter("vaultAddress", "https://vault.example"),
		"unknown domain":        parameter("okmsId", "00000000-0000-4000-8000-000000000000"),
		"untrusted certificate": parameter("caBundle", ""),
		"closed port":           parameter("endpoint", closedEndpoint),
		"unknown token":         credentials(map[string]string{"token": "pat-unknown"}),
		"no credentials":        credentials(nil),
		"token and certificate": credentials(map[string]string{"token": token, "tls.crt": "x", "tls.key": "y"}),
		"invalid certificate":   credentials(map[string]string{"tls.crt": "x", "tls.key": "y"}),
	}
}

// otherFailures are failures of secrets, permissions and the daemon.
func otherFailures() map[string]failure {
	const path = "prod/shop/db"
	return map[string]failure{
		"deactivated": func(s *shop) func() {
			s.state(path, emulator.Deactivated)
			return func() { s.state(path, emulator.Active) }
		},
		"deleted": func(s *shop) func() {
			s.state(path, emulator.Deleted)
			return func() { s.put(path, database) }
		},
		"permission denied": func(s *shop) func() {
			s.grant(emulator.Identity{Name: "shop", Actions: []string{}})
			return func() { s.grant(emulator.Identity{Name: "shop"}) }
		},
		"response too large": func(s *shop) func() {
			s.put("prod/shop/big", `{"big":"`+strings.Repeat("x", 60<<10)+`"}`)
			var objects strings.Builder
			for i := range 80 { // 80 times 60 KiB is more than the driver's 4 MiB
				fmt.Fprintf(&objects, "- {secretPath: prod/shop/big, objectName: big-%d}\n", i)
			}
			s.class(objects.String())
			return func() { s.class(onlyObject) }
		},
		"daemon stopped": stopDuringMount,
	}
}

// stopDuringMount sends SIGTERM to the daemon while the mount waits for a store that does not answer.
func stopDuringMount(s *shop) (fix func()) {
	removeFault := s.fault(emulator.Fault{Hang: true})
	old := s.daemon
	var ended error
	var ending sync.WaitGroup
	ending.Go(func() { ended = errors.Join(s.okms.Await(s.t.Context(), 1), old.Stop()) })
	s.t.Cleanup(ending.Wait)
	return func() {
		ending.Wait()
		if ended != nil {
			s.t.Errorf("the daemon exited with %v, want exit code 0", ended)
		}
		removeFault()
		s.daemon = s.startDaemon()
	}
}

func (s *shop) state(path string, state emulator.State) {
	s.t.Helper()
	if err := s.okms.SetState(path, 0, state); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) grant(id emulator.Identity) {
	s.t.Helper()
	if err := s.okms.AddToken(token, id); err != nil {
		s.t.Fatal(err)
	}
}

// fault makes Secret Manager fail until the returned function is called.
func (s *shop) fault(fault emulator.Fault) (remove func()) {
	s.t.Helper()
	remove, err := s.okms.Inject(fault)
	if err != nil {
		s.t.Fatal(err)
	}
	return remove
}

func TestFailedFirstPublishIsFinalAndRetried(t *testing.T) {
	needMounts(t)
	failures := storeFailures()
	maps.Copy(failures, classFailures())
	maps.Copy(failures, otherFailures())
	for name, inject := range failures {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			s := openShop(t, Options{RotationPollInterval: pollInterval})
			s.put("prod/shop/db", database)
			s.class(onlyObject)
			s.okms.ResetRequests()
			fix := inject(s)
			pod := s.pod("web")
			err := pod.Publish()
			if !slices.Contains(finalCodes, status.Code(err)) {
				t.Fatalf("the first publish gave %v, want one of %v", err, finalCodes)
			}
			t.Logf("the event: %v", err)
			if strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "correct horse") {
				t.Errorf("the error contains a secret: %v", err)
			}
			if _, err := os.Lstat(pod.Target()); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the target folder: %v, want that kubelet has removed it", err)
			}
			fix()
			publish(t, pod)
			wantFiles(t, pod, map[string]File{"user": {"shop", 0o644}})
		})
	}
}
