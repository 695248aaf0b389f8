#!/usr/bin/env bats

# The chart on a real apiserver.

load scenarios

@test "helm: its test passes, a misspelt value and a second release are refused, pods keep their files when it is gone" {
  helm test ovhcloud-csi-provider -n $RELEASE_NAMESPACE --timeout 60s
  run install_provider --set imagee.tag=1
  [ "$status" != 0 ] && [[ "$output" == *imagee* ]]
  run helm install second "$OVHCLOUD_CHART" -n $NS
  [ "$status" != 0 ] && [[ "$output" == *"installed already"* ]]

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

@test "Pod Security: of what restricted asks, only root and the host folder of the socket are not met" {
  run kubectl label --dry-run=server --overwrite ns $RELEASE_NAMESPACE pod-security.kubernetes.io/enforce=restricted
  [ "$status" = 0 ]
  # The socket's folder is on the host, and belongs to root.
  [[ "$output" =~ ovhcloud-csi-provider-[a-z0-9]+:\ restricted\ volume\ types,\ runAsNonRoot\ !=\ true,\ runAsUser=0 ]]
}

@test "the apiserver takes the chart's objects" {
  helm template ovhcloud-csi-provider "$OVHCLOUD_CHART" -n $RELEASE_NAMESPACE --set image.repository="$OVHCLOUD_IMAGE" | kubectl apply --dry-run=server --validate=strict -f -
}

# The first state of the chart, from git's history, since there is no release yet. The
# image is the present one.
BEFORE=f6ad005a4a4e7fc351513ef0a66638653b191af1

@test "helm: upgrade from an earlier chart, with pods that hold volumes" {
  git -C "$ROOT" cat-file -e $BEFORE^{commit} || skip "this clone has no history"
  mkdir "$BATS_TEST_TMPDIR/before"
  git -C "$ROOT" archive $BEFORE charts | tar -x -C "$BATS_TEST_TMPDIR/before"
  helm uninstall ovhcloud-csi-provider -n $RELEASE_NAMESPACE --wait
  OVHCLOUD_CHART=$BATS_TEST_TMPDIR/before/charts/ovhcloud-csi-provider install_provider
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

# notes_say TEXT: the notes of the installation contain TEXT.
notes_say() { helm get notes ovhcloud-csi-provider -n $RELEASE_NAMESPACE | grep -F -- "$1"; }

@test "helm: installed before the driver and its CRDs, it says so; pods start when they come" {
  [ -n "${OWN_NODE:-}" ] || skip "the driver of another cluster is left alone"
  local crds="secretproviderclasses.secrets-store.csi.x-k8s.io secretproviderclasspodstatuses.secrets-store.csi.x-k8s.io"
  notes_say "The Secrets Store CSI driver is there, and rotation is on"
  secret scenarios/early first
  # What the driver's chart installs, but for its DaemonSet.
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
  notes_say "the Secrets Store CSI driver is NOT in this cluster"

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
