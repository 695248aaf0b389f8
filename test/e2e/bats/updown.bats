#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

# From an earlier state of the product to the present one and back, under load:
# `make updown`. It needs the earlier image and chart, which test/e2e/earlier makes, so run
# without arguments leaves it out.

load scenarios

EARLIER=$ROOT/bin/e2e/earlier/chart
HANDOVER=$ROOT/test/e2e/handover # .json has the secrets, and .yaml the objects
COUNT=10                         # pods

# versions: prints the different lists of files and versions that the driver has of the pods.
versions() { kubectl get secretproviderclasspodstatuses -n $NS -o json | jq -cS '[.items[].status.objects] | unique | .[]'; }

# driver_failures: prints how many mounts failed in the driver's log, which also has renewals.
driver_failures() {
  local log
  log=$(kubectl logs -n $RELEASE_NAMESPACE -l app=secrets-store-csi-driver -c secrets-store --tail=-1) || return 1
  grep -F "$NS/" <<<"$log" | grep -c "failed to mount secrets store object content" || true
}

# alone: succeeds if the pods of the release before are gone.
# shellcheck disable=SC2086
alone() { [ "$(kubectl get pods $PROVIDER_PODS -o name | wc -l)" = "$(kubectl get -n $RELEASE_NAMESPACE $PROVIDER -o jsonpath='{.status.desiredNumberScheduled}')" ]; }

# renewed: succeeds if the daemon that runs now has renewed the volumes of all pods.
renewed() {
  [ "$(daemon_log | jq -Rr --arg ns "$NS" 'fromjson? | select(.msg == "mount" and .pod.namespace == $ns and .pod.name != "load") | .pod.name' |
    sort -u | wc -l)" -ge $COUNT ]
}

@test "up and down under 50 mounts a second: no mount fails, and no version changes" {
  [ -d "$EARLIER" ] || skip "test/e2e/earlier COMMIT has not been run in this clone"
  local before path data
  helm uninstall ovhcloud-csi-provider -n $RELEASE_NAMESPACE --wait
  OVHCLOUD_CHART=$EARLIER OVHCLOUD_IMAGE=localhost/ovhcloud-csi-provider OVHCLOUD_TAG=earlier SECCOMP='' install_provider
  while IFS=$'\t' read -r path data; do echo "$data" | okms put "secrets/$path"; done < <(
    jq -r '.secrets[] | .path as $path | .versions[] | "\($path)\t\(.data | tojson)"' "$HANDOVER.json")
  class updown "$(sed 's/^- //; s/$/,/' "$HANDOVER.yaml")"
  crowd updown $COUNT 0
  kubectl rollout status -n $NS deployment/updown --timeout=300s
  soon renewed
  before=$(versions)
  echo "$before"
  [ "$(echo "$before" | wc -l)" = 1 ] # the pods have the same files

  sync_pod
  kubectl get secretproviderclass updown -n $NS -o json | jq .spec.parameters |
    kubectl exec -i -n $NS sync -- mountload -namespace $NS -token e2e-token -stop /tmp/stop >"$BATS_TEST_TMPDIR/load" 2>&1 3>&- &
  sleep 5
  helm upgrade ovhcloud-csi-provider "$OVHCLOUD_CHART" -n $RELEASE_NAMESPACE --reset-then-reuse-values \
    --set image.repository="$OVHCLOUD_IMAGE",image.tag="$OVHCLOUD_TAG" --wait --timeout 120s
  soon alone
  soon renewed
  versions
  [ "$(versions)" = "$before" ]
  helm rollback ovhcloud-csi-provider -n $RELEASE_NAMESPACE --wait --timeout 120s
  soon alone
  soon renewed
  [ "$(versions)" = "$before" ]
  kubectl exec -n $NS sync -- sh -c 'mkdir -p /tmp; touch /tmp/stop'
  wait $!
  sed 's/^/# /' "$BATS_TEST_TMPDIR/load" >&3
  jq -e '.failed == {} and (.answers | length) == 1 and .mounts / .seconds > 40 and .slowestMs < 900' "$BATS_TEST_TMPDIR/load"
  [ "$(failures_of updown)" = 0 ]
  [ "$(driver_failures)" = 0 ]
}
