#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

# The provider and the driver restart, and many pods start at once.

load scenarios

@test "rolling update while pods start and end: no mount fails" {
  local i
  secret scenarios/rolling first
  class rolling
  kubectl rollout restart -n $RELEASE_NAMESPACE $PROVIDER
  for i in 1 2 3 4 5 6; do
    pod rolling-$i credential $NS rolling
    runs rolling-$i first
    kubectl delete pod rolling-$i -n $NS --wait=false
    [ $i != 3 ] || { kubectl rollout status -n $RELEASE_NAMESPACE $PROVIDER --timeout=120s; kubectl rollout restart -n $RELEASE_NAMESPACE $PROVIDER; }
  done
  kubectl rollout status -n $RELEASE_NAMESPACE $PROVIDER --timeout=120s
  for i in 1 2 3 4 5 6; do [ "$(failures rolling-$i)" = 0 ]; done
}

@test "daemon killed during a mount: the pod still starts" {
  secret scenarios/killed first
  class killed
  echo '{"hang": true, "path": "scenarios/killed"}' | okms post faults
  pod killed
  arrived() { okms get requests | grep scenarios/killed; }
  soon arrived
  kill_daemon
  okms delete faults
  runs killed first
  [ "$(kubectl get pods -n $RELEASE_NAMESPACE -l app.kubernetes.io/name=ovhcloud-csi-provider -o jsonpath='{.items[0].status.containerStatuses[0].restartCount}')" -ge 1 ]
}

@test "driver and provider restarted, in both orders: pods start afterwards" {
  local order app
  secret scenarios/restarts first
  class restarts
  for order in "secrets-store-csi-driver ovhcloud-csi-provider" "ovhcloud-csi-provider secrets-store-csi-driver"; do
    for app in $order; do
      kubectl delete pod -n $RELEASE_NAMESPACE -l "app in ($app)" --timeout=60s
      kubectl delete pod -n $RELEASE_NAMESPACE -l "app.kubernetes.io/name in ($app)" --timeout=60s
    done
    pod "restarts-${order%% *}" credential $NS restarts
    runs "restarts-${order%% *}" first
  done
}

@test "a hundred pods at once with ten secrets each: all run with the right values, and share the reads of the store" {
  local start took reads most
  crowd_class crowd 10
  okms delete requests
  start=$SECONDS
  crowd crowd 100 10
  kubectl rollout status -n $NS deployment/crowd --timeout=300s
  took=$((SECONDS - start))
  reads=$(requests scenarios/crowd/ | jq length)
  echo "# a hundred pods after $took s, $reads reads of the store" >&3
  # Each node reads each secret once in --cache-ttl, 30 s.
  most=$((10 * $(kubectl get nodes -o name | wc -l) * (1 + took / 30)))
  [ "$reads" -ge 10 ] && [ "$reads" -le $most ]
  [ "$(restarts_of crowd)" = 0 ]
  kubectl delete deployment crowd -n $NS --wait=false
}
