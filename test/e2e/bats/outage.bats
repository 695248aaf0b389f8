#!/usr/bin/env bats

# The store goes away, and comes back.

load scenarios

@test "store down at the start of a pod, and back later" {
  close_gate
  secret scenarios/down first
  class down "" 18445
  pod down
  refused down "OKMS cannot be reached"
  gate
  runs down first
  kubectl delete pod down -n $NS --wait=false
}

@test "store down during rotation: the files stay, and follow when it is back" {
  gate
  secret scenarios/rotation first
  class rotation "" 18445
  pod rotation
  runs rotation first
  close_gate
  secret scenarios/rotation second
  # The daemon logs a failed read; the pod must not notice.
  soon mount_says rotation "cannot be reached"
  has rotation first
  gate
  soon has rotation second
  [ "$(kubectl get pod rotation -n $NS -o jsonpath='{.status.phase}')" = Running ]
  kubectl delete pod rotation -n $NS
}

# tried NAME COUNT TIMES: so many pods of a deployment were each tried so often in vain.
tried() {
  kubectl get events -n $NS --field-selector reason=FailedMount -o json | jq -e --arg prefix "$1-" --argjson count "$2" --argjson times "$3" \
    '[.items[] | select(.involvedObject.name | startswith($prefix))] | group_by(.involvedObject.name) |
      length == $count and all(map(.series.count // .count // 1) | add >= $times)'
}
# phases NAME: of its pods.
phases() { kubectl get pods -n $NS -l "app=$1" -o jsonpath='{.items[*].status.phase}' | tr ' ' '\n' | sort | uniq -c | xargs; }
# in_vain: how often the provider asked a store that it could not reach.
in_vain() { metrics | awk '/^ovhcloud_csi_okms_requests_total/ && /status="0"/ { n += $2 } END { print n + 0 }'; }
# closest PATTERN: per secret, the least time in seconds between two reads of it; a
# hundred if there was one only.
closest() {
  requests "$1" | jq -c 'group_by(.uri) | map(map(.arrived | sub("[.][0-9]+"; "") | fromdate) | sort |
    [.[1:], .[:-1]] | transpose | map(.[0] - .[1]) | min // 100)'
}

# Both halves are one outage, so that it lasts minutes only once.
@test "store down for minutes: with maxStale pods restart as ever; without it all wait, start by themselves, and OKMS is not hammered" {
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
  soon tried waits $pods 5
  [ "$(phases waits)" = "$pods Pending" ]
  asked=$(in_vain) took=$((SECONDS - start))
  # docs/performance.md: three mounts before the rest, then one a second at most, and
  # the budget of retries.
  echo "# without: $asked requests to the closed door in $took s, for $pods pods with $secrets secrets" >&3
  [ "$asked" -ge 1 ] && [ "$asked" -le $((secrets * (3 + took) + 20 + 2 * took)) ]

  okms delete requests
  gate
  kubectl rollout status -n $NS deployment/waits --timeout=${WAIT}s
  [ "$(restarts_of waits)" = 0 ]
  # However many pods: each secret once in --cache-ttl, 30 s.
  echo "# back: $(requests scenarios/outage/ | jq length) reads until all $pods run, of each secret at least $(closest scenarios/outage/ | jq min) s apart" >&3
  [ "$(closest scenarios/outage/ | jq -c "length == $secrets and all(. >= 29)")" = true ]
}
