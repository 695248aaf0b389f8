// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster/clustertest"
	"ovhcloud-csi-provider/provider/failure"
)

// addEvent adds an event of a pod.
func addEvent(t *testing.T, c *clustertest.Cluster, pod, reason, text string, at time.Time) {
	t.Helper()
	message, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	c.Add(t, fmt.Sprintf(`{"kind": "Event", "metadata": {"name": "%s.%d", "namespace": "shop"}, "reason": %q, "message": %s, "lastTimestamp": %q,
		"involvedObject": {"kind": "Pod", "namespace": "shop", "name": %q, "uid": "uid-%s"}}`, pod, len(c.Objects), reason, message, at.Format(time.RFC3339), pod, pod))
}

// waits makes the pod web-1 wait for its volume, with the text of kubelet's event.
func waits(text string) func(t *testing.T, c *clustertest.Cluster) {
	return func(t *testing.T, c *clustertest.Cluster) {
		c.Replace(t, "Pod", "web-1", `"phase":"Running"`, `"phase":"Pending"`)
		addEvent(t, c, "web-1", "FailedMount", `MountVolume.SetUp failed for volume "secrets" : `+text, now)
	}
}

// byProvider is what kubelet says of an error of the provider.
func byProvider(code string, failures ...failure.Failure) string {
	e := failure.Error{Class: "shop/files", Failures: failures}
	return "rpc error: code = " + code +
		" desc = failed to mount secrets store objects for pod shop/web-1, err: rpc error: code = " + code + " desc = " +
		e.Error()
}

func TestPodsThatWait(t *testing.T) {
	const token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"
	refused := failure.Failure{Kind: failure.Unauthenticated, Object: 0, Where: "objects[0] prod/shop/db",
		What: "OKMS refused the token", Facts: "HTTP 401", Advice: "create a new one"}
	absent := failure.Failure{Kind: failure.SecretAbsent, Object: 1, Where: "objects[1].secretPath",
		What: "there is no secret prod/shop/db"}
	const waits1 = `Pod shop/web-1: it waits for volume "secrets": `
	expect(t, map[string]broken{
		"for a token that was revoked": {change: waits(byProvider("Unauthenticated", refused)),
			want: []string{"error OVH641 " + waits1 +
				"objects[0] prod/shop/db: OKMS refused the token (HTTP 401); create a new one"}},
		"for a secret that is absent": {change: waits(byProvider("NotFound", absent)),
			want: []string{"error OVH641 " + waits1 + "objects[1].secretPath: there is no secret prod/shop/db"}},
		"for two reasons": {change: waits(byProvider("Unauthenticated", refused, absent)),
			want: []string{"error OVH641 " + waits1 +
				"objects[0] prod/shop/db: OKMS refused the token (HTTP 401); create a new one (the first of 2 errors)"}},
		"for the Secret with the credential": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Remove("Secret", "okms-credentials")
			waits(`fetching NodePublishSecretRef shop/okms-credentials failed: kubernetes.io/csi: failed to find the secret okms-credentials in the namespace shop with error: secrets "okms-credentials" not found`)(t, c)
		}, want: []string{"error OVH641 " + waits1 + "there is no Secret okms-credentials in the pod's namespace",
			"error OVH651 Secret shop/okms-credentials: it does not exist (named by 2 volumes, such as of Pod shop/web-1)"}},
		"for the class": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Remove("SecretProviderClass", "files")
			c.Remove("Pod", "web-2")
			waits(`rpc error: code = Unknown desc = failed to get secretproviderclass shop/files, error: SecretProviderClass.secrets-store.csi.x-k8s.io "files" not found`)(t, c)
		}, want: []string{"error OVH641 " + waits1 + "there is no SecretProviderClass shop/files"}},
		"for the driver": {change: waits("kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name " +
			"secrets-store.csi.k8s.io not found in the list of registered CSI drivers"),
			want: []string{"error OVH641 " + waits1 + "the driver does not run on node node-1"}},
		"for the provider": {change: waits(`rpc error: code = Unknown desc = failed to mount secrets store objects for pod shop/web-1, err: error connecting to provider "ovhcloud": provider not found: provider "ovhcloud"`),
			want: []string{"error OVH641 " + waits1 + "the driver finds no socket of the provider on node node-1"}},
		"for an answer": {change: waits("rpc error: code = DeadlineExceeded desc = context deadline exceeded"),
			want: []string{"error OVH641 " + waits1 + "the driver or the provider on node node-1 did not answer in time"}},
		"for what nobody knows": {change: waits("something new with " + token),
			want: []string{"error OVH642 " + waits1 +
				`the event says: MountVolume.SetUp failed for volume "secrets" : something new with [redacted]`}},
		"for another volume, and one that does not wait": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "Pod", "web-1", `"phase":"Running"`, `"phase":"Pending"`)
			addEvent(t, c, "web-1", "FailedMount", `MountVolume.SetUp failed for volume "data" : no such disk`, now)
			addEvent(t, c, "web-1", "FailedMount",
				"Unable to attach or mount volumes: unmounted volumes=[data]: timed out waiting for the condition", now)
			addEvent(t, c, "web-2", "FailedMount", `MountVolume.SetUp failed for volume "secrets" : old`, now)
		}},
		"and its newest event counts": {change: func(t *testing.T, c *clustertest.Cluster) {
			waits(byProvider("NotFound", absent))(t, c)
			addEvent(t, c, "web-1", "FailedMount", `MountVolume.SetUp failed for volume "secrets" : old`,
				now.Add(-time.Minute))
		}, want: []string{"error OVH641 " + waits1 + "objects[1].secretPath"}},
		"for a cause that may be gone": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "Pod", "web-1", `"phase":"Running"`, `"phase":"Pending"`)
			addEvent(t, c, "web-1", "FailedMount", `MountVolume.SetUp failed for volume "secrets" : `+byProvider("NotFound", absent),
				now.Add(-75*time.Second))
		}, want: []string{"error OVH641 " + waits1 + "objects[1].secretPath: there is no secret prod/shop/db " +
			"(1m15s ago; kubelet tries again every two minutes or more often)"}},
	})
}

func TestMirroredSecretsAndRecords(t *testing.T) {
	const text = "failed to get data in spc shop/mirror for secret db, err: file matching objectName password not found " +
		"in the pod"
	expect(t, map[string]broken{
		"a Secret that cannot be created": {change: func(t *testing.T, c *clustertest.Cluster) {
			addEvent(t, c, "job-1", "FailedToCreateSecret", text, now.Add(-time.Minute))
		}, want: []string{"warning OVH643 Pod shop/job-1: the driver could not create a Secret of class mirror: " + text}},
		"an event that is old": {change: func(t *testing.T, c *clustertest.Cluster) {
			addEvent(t, c, "job-1", "FailedToCreateSecret", text, now.Add(-time.Hour))
		}},
		"no record of a mount": {change: func(_ *testing.T, c *clustertest.Cluster) {
			c.Remove("SecretProviderClassPodStatus", "web-2-shop-files")
		}, want: []string{"warning OVH644 Pod shop/web-2: it runs, and the driver has no record of the mount of " +
			"class files"}},
	})
}

func TestClasses(t *testing.T) {
	expect(t, map[string]broken{
		"a mistake": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "SecretProviderClass", "mirror", "secretKey", "secretKy")
		}, want: []string{`error OVH102 SecretProviderClass shop/mirror: objects[0].secretKy: unknown field; did you mean "secretKey"?`}},
		"a provider that is misspelt": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "SecretProviderClass", "theirs", `"vault"`, `"ovhclod"`)
		}, want: []string{"warning OVH002 SecretProviderClass shop/theirs: did you mean provider: ovhcloud?"}},
		"a pod's volume, once for two pods of a ReplicaSet": {change: func(t *testing.T, c *clustertest.Cluster) {
			for _, pod := range []string{"web-1", "web-2"} {
				c.Replace(t, "Pod", pod, `"readOnly":true`, `"readOnly":false`)
			}
		}, want: []string{"error OVH303 Pod shop/web-1: set readOnly: true"}},
		"a path that the connection does not allow": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "ConfigMap", "ovhcloud-csi-provider", "prod/shop/**", "prod/pay/**")
		}, want: []string{`error OVH501 SecretProviderClass shop/mirror: objects[0].secretPath: connection "default" does not allow`}},
		"an endpoint that gets no credentials": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "SecretProviderClass", "files", `"region":"eu-west-par"`, `"endpoint":"https://okms.example"`)
		}, want: []string{"warning OVH104 SecretProviderClass shop/files: parameters.endpoint: no credential is sent there"}},
		"an endpoint that the provider allows": {change: func(t *testing.T, c *clustertest.Cluster) {
			c.Replace(t, "SecretProviderClass", "files", `"region":"eu-west-par"`, `"endpoint":"https://okms.example"`)
			c.Replace(t, "DaemonSet", "ovhcloud-csi-provider", "--cache-ttl=30s", "--allow-endpoint=okms.example")
		}},
	})
}
