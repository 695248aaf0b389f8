#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

# The tool ovhcsi on a real cluster.

load scenarios

# Pods and classes of a scenario that failed would be found by the next ones.
setup() { kubectl delete pod,secretproviderclass --all -n $NS --timeout=60s; }

# found: prints the IDs of all errors and warnings that doctor finds, each once.
found() { "$OVHCSI" doctor -o json | jq -r '[.results[] | select(.severity == "error" or .severity == "warning") | .id] | unique | join(" ")'; }
# diagnosis IDS TEXT…: waits until doctor finds exactly IDS; its lines must contain each
# TEXT.
diagnosis() {
  local ids=$1 text output end=$((SECONDS + WAIT))
  shift
  until [ "$(found)" = "$ids" ]; do
    [ $SECONDS -lt $end ] || { echo "doctor does not find \"$ids\""; "$OVHCSI" doctor; return 1; }
    sleep 3
  done
  output=$("$OVHCSI" doctor -o short || true)
  for text; do grep -F -- "$text" <<<"$output" || { echo "$output"; return 1; }; done
}
healthy() { diagnosis ""; }

@test "doctor: a cluster without mistakes" {
  healthy
  "$OVHCSI" doctor
  "$OVHCSI" doctor --pre
}

@test "doctor: revoked token" {
  secret scenarios/revoked first
  class revoked
  credential revoked no-such-token
  pod revoked revoked
  diagnosis OVH641 "Pod $NS/revoked" "OKMS refused the token"
  credential revoked e2e-token
  runs revoked first
  healthy
}

@test "doctor: missing Secret of a credential" {
  secret scenarios/uncredited first
  class uncredited
  pod uncredited uncredited
  diagnosis "OVH641 OVH651" uncredited
  credential uncredited e2e-token
  runs uncredited first
  healthy
}

@test "doctor: misspelt field in a class" {
  class typo "{secretPath: scenarios/revoked, secretkey: user, objectName: user}"
  diagnosis OVH102 "secretKey"
  kubectl delete secretproviderclass typo -n $NS
  healthy
}

@test "doctor: no provider on a node" {
  kubectl patch -n $RELEASE_NAMESPACE $PROVIDER --type merge -p '{"spec": {"template": {"spec": {"nodeSelector": {"no-such": "label"}}}}}'
  diagnosis OVH623 "$(node)"
  kubectl patch -n $RELEASE_NAMESPACE $PROVIDER --type json -p '[{"op": "remove", "path": "/spec/template/spec/nodeSelector/no-such"}]'
  kubectl rollout status -n $RELEASE_NAMESPACE $PROVIDER --timeout=120s
  healthy
}

@test "doctor: the provider's image does not exist" {
  kubectl set image -n $RELEASE_NAMESPACE $PROVIDER "*=localhost/no-such-image:1"
  diagnosis OVH624 "no-such-image"
  kubectl rollout undo -n $RELEASE_NAMESPACE $PROVIDER
  kubectl rollout status -n $RELEASE_NAMESPACE $PROVIDER --timeout=120s
  healthy
}

@test "doctor: mistake in the file of connections" {
  credential okms-doctor e2e-token $RELEASE_NAMESPACE
  install_provider -f <(jq -n --arg endpoint "https://$(host):18443" --arg id $OKMS_ID --arg namespace "$NS" '{connections:
    {default: {endpoint: $endpoint, okmsId: $id, existingSecret: "okms-doctor",
      allow: [{namespaces: [$namespace], serviceAccounts: ["*"], paths: ["scenarios/*"]}]}}}')
  healthy
  local map
  map=$(kubectl get configmap -n $RELEASE_NAMESPACE -l app.kubernetes.io/name=ovhcloud-csi-provider -o name)
  kubectl get -n $RELEASE_NAMESPACE "$map" -o json | sed 's/okmsId/okmsid/' | kubectl replace -f -
  diagnosis OVH661 "okmsid"
  install_provider
  kubectl delete secret okms-doctor -n $RELEASE_NAMESPACE
  healthy
}

@test "doctor: rotation is off" {
  kubectl patch csidriver secrets-store.csi.k8s.io --type merge -p '{"spec": {"requiresRepublish": false}}'
  diagnosis OVH615
  kubectl patch csidriver secrets-store.csi.k8s.io --type merge -p '{"spec": {"requiresRepublish": true}}'
  healthy
}

@test "doctor: the driver may not create the Secrets of secretObjects" {
  kubectl apply -n $NS -f - <<YAML
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: mirrored}
spec:
  provider: ovhcloud
  parameters: {region: eu-west-par, okmsId: $OKMS_ID, objects: "[{secretPath: scenarios/revoked, secretKey: user, objectName: user}]"}
  secretObjects: [{secretName: mirrored, type: Opaque, data: [{objectName: user, key: user}]}]
YAML
  kubectl get clusterrolebinding secretprovidersyncing-rolebinding -o json >"$BATS_TEST_TMPDIR/binding.json"
  kubectl delete clusterrolebinding secretprovidersyncing-rolebinding
  diagnosis OVH617 mirrored
  jq 'del(.metadata.resourceVersion, .metadata.uid)' "$BATS_TEST_TMPDIR/binding.json" | kubectl create -f -
  healthy
  kubectl delete secretproviderclass mirrored -n $NS
}

# driver_version VERSION: sets the label of the driver's DaemonSet that its chart sets.
driver_version() { kubectl label -n kube-system daemonset/csi-secrets-store-secrets-store-csi-driver app.kubernetes.io/version="$1" --overwrite; }

@test "doctor: an old driver" {
  local version
  version=$(kubectl get -n kube-system daemonset/csi-secrets-store-secrets-store-csi-driver -o jsonpath='{.metadata.labels.app\.kubernetes\.io/version}')
  driver_version 1.4.0
  diagnosis OVH613 1.4.0
  driver_version "$version"
  healthy
}

@test "doctor: no driver" {
  [ -n "${OWN_NODE:-}" ] || skip "the driver is removed only on a node that was booted here (OWN_NODE)"
  helm uninstall csi-secrets-store -n kube-system --wait
  diagnosis OVH611
  "$ROOT/test/cluster/driver"
  healthy
}

@test "the example of checks in CI, with the real helm" { PATH="$ROOT/bin/e2e:$PATH" "$ROOT/docs/ci/check.sh"; }
