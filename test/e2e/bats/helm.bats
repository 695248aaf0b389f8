#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

# The chart on a real API server.

load scenarios

@test "helm: test passes, a misspelt value and a second release are refused, pods keep their files after uninstall" {
  helm test ovhcloud-csi-provider -n $RELEASE_NAMESPACE --timeout 60s
  run install_provider --set imagee.tag=1
  [ "$status" != 0 ] && [[ "$output" == *imagee* ]]
  run helm install second "$OVHCLOUD_CHART" -n $NS
  [ "$status" != 0 ] && [[ "$output" == *"already installed"* ]]

  secret scenarios/kept first
  class kept
  pod kept
  runs kept first
  helm uninstall ovhcloud-csi-provider -n $RELEASE_NAMESPACE --wait
  class waits "{secretPath: scenarios/kept, secretKey: user, objectName: user}"
  pod waits
  has kept first
  install_provider
  runs waits first
}

@test "Pod Security: only root and the socket's hostPath violate the level restricted" {
  run kubectl label --dry-run=server --overwrite ns $RELEASE_NAMESPACE pod-security.kubernetes.io/enforce=restricted
  [ "$status" = 0 ]
  # The socket's directory is on the host and belongs to root.
  [[ "$output" =~ ovhcloud-csi-provider-[a-z0-9]+:\ restricted\ volume\ types,\ runAsNonRoot\ !=\ true,\ runAsUser=0 ]]
}

@test "the API server accepts the chart's objects" {
  helm template ovhcloud-csi-provider "$OVHCLOUD_CHART" -n $RELEASE_NAMESPACE --set image.repository="$OVHCLOUD_IMAGE" | kubectl apply --dry-run=server --validate=strict -f -
}

# The commit of the first chart. There is no release yet, so the chart comes from the
# history; the image is the current one.
BEFORE=f6ad005a4a4e7fc351513ef0a66638653b191af1

@test "helm: upgrade from an earlier chart, with pods that have volumes mounted" {
  git -C "$ROOT" cat-file -e $BEFORE^{commit} || skip "this clone has no history of the first chart"
  mkdir "$BATS_TEST_TMPDIR/before"
  git -C "$ROOT" archive $BEFORE charts | tar -x -C "$BATS_TEST_TMPDIR/before"
  helm uninstall ovhcloud-csi-provider -n $RELEASE_NAMESPACE --wait
  OVHCLOUD_CHART=$BATS_TEST_TMPDIR/before/charts/ovhcloud-csi-provider SECCOMP='' install_provider
  secret scenarios/upgraded first
  class upgraded
  pod upgraded
  runs upgraded first
  install_provider
  has upgraded first
  secret scenarios/upgraded second
  soon has upgraded second
  pod later credential $NS upgraded
  runs later second
  [ "$(failures upgraded)" = 0 ]
  [ "$(failures later)" = 0 ]
}

# notes_say TEXT: succeeds if the notes of the release contain TEXT.
notes_say() { helm get notes ovhcloud-csi-provider -n $RELEASE_NAMESPACE | grep -F -- "$1"; }

@test "helm: installed before the driver and its CRDs, the notes say so; pods start after the driver is installed" {
  [ -n "${OWN_NODE:-}" ] || skip "the driver is removed only on a node that was booted here (OWN_NODE)"
  local crds="secretproviderclasses.secrets-store.csi.x-k8s.io secretproviderclasspodstatuses.secrets-store.csi.x-k8s.io"
  notes_say "The Secrets Store CSI driver is installed, and rotation is on"
  secret scenarios/early first
  # The CSIDriver object and the CRDs of the driver; its DaemonSet stays.
  kubectl get csidriver secrets-store.csi.k8s.io -o json >"$BATS_TEST_TMPDIR/driver.json"
  # shellcheck disable=SC2086
  kubectl get crd $crds -o json >"$BATS_TEST_TMPDIR/crds.json"
  helm uninstall ovhcloud-csi-provider -n $RELEASE_NAMESPACE --wait
  kubectl delete pod --all -n $NS --timeout=60s
  kubectl delete -f "$BATS_TEST_TMPDIR/crds.json" --timeout=60s
  install_provider
  notes_say "the driver's CRDs are missing"
  kubectl delete -f "$BATS_TEST_TMPDIR/driver.json"
  install_provider
  notes_say "the Secrets Store CSI driver is NOT installed in this cluster"

  jq 'del(.items[] | .metadata.resourceVersion, .metadata.uid, .status)' "$BATS_TEST_TMPDIR/crds.json" | kubectl create -f -
  jq 'del(.metadata.resourceVersion, .metadata.uid)' "$BATS_TEST_TMPDIR/driver.json" | kubectl create -f -
  # shellcheck disable=SC2086
  kubectl wait --for=condition=Established --timeout=60s crd $crds
  kubectl rollout restart -n $RELEASE_NAMESPACE daemonset -l app=secrets-store-csi-driver
  kubectl rollout status -n $RELEASE_NAMESPACE daemonset -l app=secrets-store-csi-driver --timeout=60s
  class early
  pod early
  runs early first
}
