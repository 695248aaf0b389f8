#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

# The store becomes unreachable, and comes back.

load scenarios

@test "store down when a pod starts: the pod starts when the store is back" {
  close_gate
  secret scenarios/down first
  class down "" 18445
  pod down
  refused down "OKMS cannot be reached"
  gate
  runs down first
  kubectl delete pod down -n $NS --wait=false
}

@test "store down during rotation: files stay, and are updated when it is back" {
  gate
  secret scenarios/rotation first
  class rotation "" 18445
  pod rotation
  runs rotation first
  close_gate
  secret scenarios/rotation second
  # The log shows that a mount failed; the pod must not be affected.
  soon mount_says rotation "cannot be reached"
  has rotation first
  gate
  soon has rotation second
  [ "$(kubectl get pod rotation -n $NS -o jsonpath='{.status.phase}')" = Running ]
  kubectl delete pod rotation -n $NS
}

# failed_pods NAME COUNT TIMES: succeeds if exactly COUNT pods of the Deployment had failed
# mounts, each at least TIMES.
failed_pods() {
  kubectl get events -n $NS --field-selector reason=FailedMount -o json | jq -e --arg prefix "$1-" --argjson count "$2" --argjson times "$3" \
    '[.items[] | select(.involvedObject.name | startswith($prefix))] | group_by(.involvedObject.name) |
      length == $count and all(map(.series.count // .count // 1) | add >= $times)'
}
# phases NAME: prints the number of its pods in each phase.
phases() { kubectl get pods -n $NS -l "app=$1" -o jsonpath='{.items[*].status.phase}' | tr ' ' '\n' | sort | uniq -c | xargs; }
# unanswered: prints the number of the provider's requests that got no answer.
unanswered() { metrics | awk '/^ovhcloud_csi_okms_requests_total/ && /status="0"/ { n += $2 } END { print n + 0 }'; }
# shortest_interval PATTERN: prints for each secret the shortest time in seconds between two reads,
# or 100 if there was only one read.
shortest_interval() {
  requests "$1" | jq -c 'group_by(.uri) | map(map(.arrived | sub("[.][0-9]+"; "") | fromdate) | sort |
    [.[1:], .[:-1]] | transpose | map(.[0] - .[1]) | min // 100)'
}

# Both parts share one outage, since each needs minutes of it.
@test "store down for minutes: with maxStale pods restart as usual; without it they wait, then start by themselves, and OKMS is not overloaded" {
  local secrets=5 pods=20 end=$((SECONDS + 300)) rounds=0 start took asked
  gate
  crowd_class outage $secrets 18445
  install_provider --set maxStale=1h
  crowd outage 3 $secrets outage "$(node)"
  kubectl rollout status -n $NS deployment/outage --timeout=60s
  close_gate
  until mount_says outage "read 2m"; do
    [ $SECONDS -lt $end ]
    kubectl rollout restart -n $NS deployment/outage
    kubectl rollout status -n $NS deployment/outage --timeout=60s
    rounds=$((rounds + 1))
  done
  [ "$(failures_of outage)" = 0 ]
  [ "$(restarts_of outage)" = 0 ]
  [ "$(mounts outage | jq -r .result | sort -u)" = ok ]
  echo "# with maxStale: $rounds restarts of three pods in the outage, none failed" >&3
  kubectl delete deployment outage -n $NS

  start=$SECONDS
  install_provider
  crowd waits $pods $secrets outage "$(node)"
  soon failed_pods waits $pods 5
  [ "$(phases waits)" = "$pods Pending" ]
  asked=$(unanswered) took=$((SECONDS - start))
  # docs/performance.md: three mounts until the circuit breaker opens, then at most one a
  # second, and the retry budget.
  echo "# without: $asked requests to the closed port in $took s, for $pods pods with $secrets secrets" >&3
  [ "$asked" -ge 1 ] && [ "$asked" -le $((secrets * (3 + took) + 20 + 2 * took)) ]

  okms delete requests
  gate
  kubectl rollout status -n $NS deployment/waits --timeout=${WAIT}s
  [ "$(restarts_of waits)" = 0 ]
  # For any number of pods, each secret is read once in --cache-ttl, 30 s.
  echo "# back: $(requests scenarios/outage/ | jq length) reads until all $pods pods run; shortest time between two reads of a secret: $(shortest_interval scenarios/outage/ | jq min) s" >&3
  [ "$(shortest_interval scenarios/outage/ | jq -c "length == $secrets and all(. >= 29)")" = true ]
}
