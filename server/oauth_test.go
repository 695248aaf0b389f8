package server_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/test/emulator"
	"ovhcloud-csi-provider/test/harness"
)

const oauthSecret = "planted-client-secret"

// startWithClient is a store with a service account, and the Secret for it.
func startWithClient(t *testing.T) (d *harness.Daemon, secrets map[string]string) {
	t.Helper()
	d = harness.Start(t, harness.Options{})
	d.Store.Hold(t, map[string]string{"s": `{"a":"1"}`})
	if err := d.Store.AddClient(oauthID, oauthSecret, emulator.Identity{Name: "service"}); err != nil {
		t.Fatal(err)
	}
	return d, map[string]string{"clientId": oauthID + "\n", "clientSecret": oauthSecret + "\n", "tokenUrl": d.Store.URL + emulator.TokenPath + "\n"}
}

// asked counts the requests to the token endpoint.
func asked(s *harness.Store) (n int) {
	for _, r := range s.Requests() {
		if r.URI == emulator.TokenPath {
			n++
		}
	}
	return n
}

func TestAServiceAccountFromNodePublishSecretRef(t *testing.T) {
	d, secrets := startWithClient(t)
	for range 3 {
		files, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s", Secrets: secrets})
		if err != nil || files["s"] != `{"a":"1"}` {
			t.Fatalf("%v, %v", files, err)
		}
	}
	if n := asked(d.Store); n != 1 {
		t.Errorf("the token endpoint was asked %d times for three mounts", n)
	}
	if metrics := harness.Page(t, d.Admin+"/metrics"); !strings.Contains(metrics, `ovhcloud_csi_okms_requests_total{api="oauth2",operation="token",status="200"} 1`) {
		t.Error("/metrics lacks the request to the token endpoint")
	}
	if lastUse(d.Store, "service").IsZero() {
		t.Error("the service account was not used")
	}
}

func TestATokenThatWasRevokedIsReplacedWithinTheMount(t *testing.T) {
	d, secrets := startWithClient(t)
	d.Store.Hold(t, map[string]string{"other": `{}`})
	mount := harness.Mount{Objects: "- secretPath: s", Secrets: secrets}
	if _, err := d.Do(t.Context(), mount); err != nil {
		t.Fatal(err)
	}
	d.Store.RevokeAccessTokens(oauthID)
	mount.Objects += "\n- secretPath: other"
	if _, err := d.Do(t.Context(), mount); err != nil {
		t.Errorf("the mount failed: %v", err)
	}
	if n := asked(d.Store); n != 2 {
		t.Errorf("the token endpoint was asked %d times, want once for each token", n)
	}
}

func TestARefusedIdentityDoesNotAskForTokensAllTheTime(t *testing.T) {
	d, secrets := startWithClient(t)
	d.Store.Break(t, emulator.Fault{Path: "/secret/", Status: 401})
	for range 10 {
		_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s", Secrets: secrets})
		want(t, err, codes.Unauthenticated, "OKMS refused the OAuth2 client ", " from nodePublishSecretRef", "HTTP 401")
	}
	if n := asked(d.Store); n != 2 {
		t.Errorf("the token endpoint was asked %d times for ten refused mounts, want 2", n)
	}
}

func TestFailuresOfTheTokenEndpointAreToldFromThoseOfOKMS(t *testing.T) {
	cases := []struct {
		name   string
		fault  emulator.Fault
		change map[string]string
		code   codes.Code
		words  []string
	}{
		{"another secret", emulator.Fault{}, map[string]string{"clientSecret": "planted-wrong"}, codes.Unauthenticated,
			[]string{"the token endpoint refused the OAuth2 client ", ": HTTP 401, invalid_client; check clientId and clientSecret, and tokenUrl", "OKMS was not asked"}},
		{"a fault", emulator.Fault{Path: "oauth2", Status: 503}, nil, codes.Internal, []string{"no access token for the OAuth2 client ", ": HTTP 503; kubelet tries again; OKMS was not asked"}},
		{"limits", emulator.Fault{Path: "oauth2", Status: 429}, nil, codes.Internal, []string{"no access token for the OAuth2 client ", ": HTTP 429; kubelet tries again"}},
		{"hangs", emulator.Fault{Path: "oauth2", Hang: true}, nil, codes.Internal, []string{"no access token for the OAuth2 client ", ": no answer in time"}},
		{"another host", emulator.Fault{}, map[string]string{"tokenUrl": "https://evil.example/auth/oauth2/token"}, codes.PermissionDenied,
			[]string{"nodePublishSecretRef.tokenUrl: no credential is sent there: https://evil.example is not a host of OVHcloud"}},
		{"no token URL for another host than OVHcloud's", emulator.Fault{}, map[string]string{"tokenUrl": ""}, codes.Unauthenticated,
			[]string{"nodePublishSecretRef: tokenUrl is missing; it has a default only for the regional hosts of OVHcloud"}},
		{"a token beside", emulator.Fault{}, map[string]string{"token": "x"}, codes.Unauthenticated, []string{"holds both a token and an OAuth2 client; keep exactly one of them"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store := harness.StartStore(t)
			d := harness.Start(t, harness.Options{Emulator: store, MountTimeout: 6 * time.Second})
			if err := store.AddClient(oauthID, oauthSecret, emulator.Identity{}); err != nil {
				t.Fatal(err)
			}
			if c.fault != (emulator.Fault{}) {
				store.Break(t, c.fault)
			}
			secrets := map[string]string{"clientId": oauthID, "clientSecret": oauthSecret, "tokenUrl": store.URL + emulator.TokenPath}
			for key, value := range c.change {
				if secrets[key] = value; value == "" {
					delete(secrets, key)
				}
			}
			_, err := d.Do(t.Context(), harness.Mount{Objects: "- secretPath: s\n- secretPath: t", Secrets: secrets})
			want(t, err, c.code, c.words...)
			if strings.Contains(err.Error(), "planted-wrong") || strings.Contains(err.Error(), oauthSecret) || strings.Contains(err.Error(), "2 errors") {
				t.Errorf("the message: %v", err)
			}
			for _, r := range store.Requests() {
				if r.URI != emulator.TokenPath {
					t.Errorf("OKMS was asked: %s", r.URI)
				}
			}
		})
	}
}
