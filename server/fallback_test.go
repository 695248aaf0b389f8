package server_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/provider/auth"
	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

// region is a store that stands for one region, under the name of its connection.
type region struct {
	*harness.Store
	name string
}

// credential is the token of the region's connection, which no other store knows.
func (r region) credential() string { return "eyJhbGciOiJFZERTQSJ9.planted-token-of." + r.name }

func startRegion(t *testing.T, name string) region {
	t.Helper()
	r := region{harness.StartStore(t), name}
	if err := r.AddToken(r.credential(), emulator.Identity{Name: name}); err != nil {
		t.Fatal(err)
	}
	return r
}

const allowAll = "    allow: [{namespaces: ['*'], serviceAccounts: ['*'], paths: ['**']}]\n"

// stated is the region's connection in the file; more are further fields.
func (r region) stated(more string) string {
	return "  " + r.name + ":\n" + placed(r.Store) + "    credentialsDir: ROOT/" + r.name + "\n" + more
}

// identities are those of the regions, with their connections as stated.
func identities(t *testing.T, config string, regions ...region) *harness.Identities {
	t.Helper()
	credentials := map[string]map[string]string{}
	for _, r := range regions {
		credentials[r.name] = map[string]string{"token": r.credential()}
	}
	return harness.NewIdentities(t, "connections:\n"+config, credentials)
}

func TestAConnectionHasItsOwnMaxStale(t *testing.T) {
	for name, c := range map[string]struct {
		stated  string
		daemons time.Duration
		served  map[time.Duration]bool // after so long
	}{
		"the daemon's":           {"", time.Hour, map[time.Duration]bool{time.Hour: true, time.Minute: false}},
		"more than the daemon's": {"    maxStale: 3h\n", time.Hour, map[time.Duration]bool{2 * time.Hour: true, 2 * time.Hour + 1: false}},
		"less than the daemon's": {"    maxStale: 10m\n", time.Hour, map[time.Duration]bool{10 * time.Minute: true, 1: false}},
		"none":                   {"    maxStale: 0\n", time.Hour, map[time.Duration]bool{time.Minute: false}},
		"some, the daemon none":  {"    maxStale: 1h\n", 0, map[time.Duration]bool{time.Hour: true, 1: false}},
	} {
		t.Run(name, func(t *testing.T) {
			par := startRegion(t, "par")
			par.Hold(t, map[string]string{"s": `{"v":"1"}`})
			now := &clock{}
			d := harness.Start(t, harness.Options{Emulator: par.Store, Connections: identities(t, par.stated(c.stated+allowAll), par).Connections,
				CacheTTL: 30 * time.Second, MaxStale: c.daemons, Now: now.now})
			m := overConnection("par", "- secretPath: s", nil)
			mustMount(t, d, m, "s", `{"v":"1"}`)
			par.Break(t, emulator.Fault{Status: 501})
			for _, served := range []bool{true, false} {
				for after, is := range c.served {
					if is != served {
						continue
					}
					now.advance(after)
					if _, err := d.Do(t.Context(), m); (err == nil) != served {
						t.Errorf("after another %s: %v", after, err)
					}
				}
			}
		})
	}
}

func TestAChangedMaxStaleHoldsForWhatIsKept(t *testing.T) {
	par := startRegion(t, "par")
	par.Hold(t, map[string]string{"s": `{"v":"1"}`})
	now := &clock{}
	ids := identities(t, par.stated("    maxStale: 1h\n"+allowAll), par)
	d := harness.Start(t, harness.Options{Emulator: par.Store, Connections: ids.Connections, CacheTTL: 30 * time.Second, Now: now.now})
	m := overConnection("par", "- secretPath: s", nil)
	mustMount(t, d, m, "s", `{"v":"1"}`)
	par.Break(t, emulator.Fault{Status: 501})
	now.advance(10 * time.Minute)
	mustMount(t, d, m, "s", `{"v":"1"}`)
	before := ids.Reloads()
	ids.Config(t, "connections:\n"+par.stated("    maxStale: 5m\n"+allowAll))
	ids.Await(t, before, func(r auth.Reload) bool { return r.Connection == "par" && r.Err == nil })
	_, err := d.Do(t.Context(), m)
	want(t, err, codes.Internal)
	if page := harness.Page(t, d.Admin+"/readyz"); !strings.HasPrefix(page, "200") {
		t.Error(page)
	}
}
