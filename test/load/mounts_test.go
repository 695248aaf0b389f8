// SPDX-License-Identifier: Apache-2.0

package load

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// sensibleModes are different file modes.
var sensibleModes = []int32{0o400, 0o440, 0o444, 0o600, 0o640, 0o644, 0o700}

// Mounts with two credentials that may read different secrets, with different modes, valid
// and invalid, all over one socket: every answer belongs to its request.
func TestManyMountsAtOnce(t *testing.T) {
	t.Parallel()
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
				m.Objects += harness.Lines(fmt.Sprintf("- secretPath: %s/s%d", team, (s+i)%secrets), "  secretKey: v",
					fmt.Sprintf("  objectName: f%d", s), fmt.Sprintf("  filePermission: 0%o", mode))
			}
			switch i % 5 {
			case 3: // a secret of the other team
				m.Objects += fmt.Sprintf("- secretPath: %s/s0\n", other)
				if _, err := d.Do(t.Context(), m); status.Code(err) != codes.PermissionDenied ||
					!strings.Contains(err.Error(), fmt.Sprintf("objects[10] \"s0\" (secret \"%s/s0\"", other)) {
					t.Errorf("mount %d: %v", i, err)
				}
			case 4: // a typo
				m.Objects += "- secretPth: x\n"
				if _, err := d.Do(t.Context(), m); status.Code(err) != codes.InvalidArgument ||
					!strings.Contains(err.Error(), `objects[10].secretPth: unknown field; did you mean "secretPath"?`) {
					t.Errorf("mount %d: %v", i, err)
				}
			default:
				resp, err := d.Client.Mount(t.Context(), d.Request(m))
				if err != nil {
					t.Errorf("mount %d: %v", i, err)
					return
				}
				for s, f := range resp.GetFiles() {
					if want := fmt.Sprintf("of %s, %d", team, (s+i)%secrets); string(f.GetContents()) != want ||
						f.GetPath() != fmt.Sprintf("f%d", s) || f.GetMode() != mode {
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
	t.Parallel()
	d := harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"s": `{"a":"1","b":"2"}`})
	if _, err := d.Do(t.Context(),
		harness.Mount{Objects: harness.Lines("- secretPath: s", "  secretKey: a", "- secretPath: s", "  secretKey: b",
			"- secretPath: s", "  allKeys: true", "  objectName: d")}); err != nil {
		t.Fatal(err)
	}
	if got := d.Store.Requests(); len(got) != 1 {
		t.Errorf("%d requests: %+v", len(got), got)
	}
}
