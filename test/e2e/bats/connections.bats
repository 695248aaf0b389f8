#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

# Credentials held by the provider, and credentials that change.

load scenarios

# install_with_connection: installs the provider with the connection e2e. With unchanged values there is no
# rollout.
install_with_connection() { install_provider --set cacheTTL=0s -f <(connection_values); }

# connection_values: prints Helm values with one connection, e2e, for this file's namespace only.
connection_values() {
  jq -n --arg endpoint "https://$(host):18443" --arg id $OKMS_ID --arg ca "$(okms get ca.pem)" --arg namespace "$NS" '{connections: {e2e: {
    endpoint: $endpoint, okmsId: $id, caBundle: $ca, existingSecret: "okms-e2e",
    allow: [{namespaces: [$namespace], serviceAccounts: ["*"], paths: ["scenarios/*"]}]}}}'
}

# connected NAME [NAMESPACE]: applies a class that uses the connection.
connected() {
  kubectl apply -n "${2:-$NS}" -f - <<YAML
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: "$1"}
spec:
  provider: ovhcloud
  parameters:
    connection: e2e
    objects: "[{secretPath: scenarios/$1, secretKey: user, objectName: user}]"
YAML
}

# token TOKEN: adds a token to the store. The store's list of requests shows the token as
# the identity.
token() { echo "{\"token\": \"$1\", \"name\": \"$1\"}" | okms post tokens; }

@test "connection in Helm values: an allowed namespace can mount, another is refused" {
  secret scenarios/connected first
  credential okms-e2e e2e-token $RELEASE_NAMESPACE
  install_with_connection
  kubectl create ns $NS-other --dry-run=client -o yaml | kubectl apply -f -
  connected connected
  connected connected $NS-other
  pod connected -
  pod connected - $NS-other
  runs connected first
  refused connected "connection" 3 $NS-other
}

# stream: applies a Job that starts pods one after another, three at a time, until it is
# deleted. A pod with a wrong value makes the Job fail.
stream() {
  kubectl apply -f - <<YAML
apiVersion: batch/v1
kind: Job
metadata: {name: stream, namespace: $NS}
spec:
  parallelism: 3
  completions: 100000
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 0
      containers:
        - name: main
          image: $BUSYBOX_IMAGE
          imagePullPolicy: IfNotPresent
          command: [sh, -c, '[ "\$(cat /secrets/user)" = first ]']
          volumeMounts:
            - {name: secrets, mountPath: /secrets, readOnly: true}
      volumes:
        - name: secrets
          csi:
            driver: secrets-store.csi.k8s.io
            readOnly: true
            volumeAttributes: {secretProviderClass: stream}
YAML
}
# streamed: prints how many of these pods have succeeded.
streamed() { kubectl get job stream -n $NS -o jsonpath='{.status.succeeded}' | grep . || echo 0; }
streamed_on() { [ "$(streamed)" -ge "$1" ]; }
# in_use TOKEN: succeeds if every provider pod uses the token. The log contains the start
# of its SHA-256.
in_use() {
  local mark pod
  mark=$(printf %s "$1" | sha256sum | cut -c1-8)
  # shellcheck disable=SC2086
  for pod in $(kubectl get pods $PROVIDER_PODS -o name); do
    kubectl logs -n $RELEASE_NAMESPACE "$pod" | grep '"connections: in use"' | tail -1 | grep "$mark" || return 1
  done
}

@test "access token replaced and revoked under load: no restart, no failed mount, the old token is no longer used" {
  local before i old=pat-before new=pat-after
  token $old
  token $new
  secret scenarios/stream first
  secret scenarios/standing first
  credential okms-e2e $old $RELEASE_NAMESPACE
  install_with_connection
  soon in_use $old
  before=$(pods_and_restarts)
  connected stream
  connected standing
  okms delete requests
  for i in 1 2 3; do pod standing-$i - $NS standing; done
  stream
  for i in 1 2 3; do runs standing-$i first; done
  soon streamed_on 5
  [ "$(requests 'scenarios/(stream|standing)' | jq -c 'map(.identity) | unique')" = "[\"$old\"]" ]

  credential okms-e2e $new $RELEASE_NAMESPACE
  soon in_use $new
  okms delete requests
  revoke $old
  secret scenarios/standing second

  # Ten more pods start, and the running ones are updated three times.
  soon streamed_on $(($(streamed) + 10))
  for i in 1 2 3; do soon has standing-$i second; done
  soon asked scenarios/standing 9
  [ "$(requests 'scenarios/(stream|standing)' | jq -c 'map([.identity, .status]) | unique')" = "[[\"$new\",200]]" ]
  [ -z "$(kubectl get job stream -n $NS -o jsonpath='{.status.failed}')" ]
  [ "$(failures_of stream)" = 0 ]
  [ "$(failures_of standing)" = 0 ]
  [ "$(mounts stream | jq -r .result | sort -u)" = ok ]
  [ "$(mounts standing | jq -r .result | sort -u)" = ok ]
  [ "$(pods_and_restarts)" = "$before" ]
  echo "# $(streamed) pods succeeded, $(requests 'scenarios/(stream|standing)' | jq length) reads with the new token" >&3
  kubectl delete job stream -n $NS --wait=false
}

@test "token revoked or version deactivated while a pod runs: files stay, log and metric report it, a new token or version fixes it" {
  token taken
  credential taken taken
  secret scenarios/taken first
  secret scenarios/withdrawn first
  class taken
  class withdrawn
  pod taken taken
  pod withdrawn
  runs taken first
  runs withdrawn first
  revoke taken
  echo '{"path": "scenarios/withdrawn", "state": "deactivated"}' | okms post state
  soon mount_says taken "OKMS refused the token"
  soon mount_says withdrawn "version 1 is deactivated"
  soon older taken 30
  soon older withdrawn 30
  has taken first
  has withdrawn first

  credential taken e2e-token
  secret scenarios/taken second
  secret scenarios/withdrawn second
  soon has taken second
  soon has withdrawn second
  [ "$(failures taken)" = 0 ]
  [ "$(failures withdrawn)" = 0 ]
  kubectl delete pod taken withdrawn -n $NS --wait=false
}
# older CLASS SECONDS: succeeds if the metric's time since the last successful mount of
# the class is longer than SECONDS.
older() {
  metrics | awk -v class="secretproviderclass=\"$NS/$1\"" -v least="$2" \
    '/^ovhcloud_csi_seconds_since_good_mount/ && index($0, class) && $2 > least { found = 1 } END { exit !found }'
}

# synced [NAMESPACE]: calls the provider as secrets-store-sync-controller does, for
# NAMESPACE (default: this file's), with the parameters on standard input.
synced() { kubectl exec -i -n $NS sync -- synccaller --namespace "${1:-$NS}"; }

@test "secrets-store-sync-controller: a connection serves its call, without a connection it is refused" {
  local objects='[{secretPath: scenarios/synced, secretKey: user, objectName: user}]' answer
  secret scenarios/synced first
  credential okms-e2e e2e-token $RELEASE_NAMESPACE
  install_with_connection
  soon in_use e2e-token
  sync_pod

  answer=$(jq -n --arg objects "$objects" '{connection: "e2e", objects: $objects}' | synced)
  echo "$answer"
  [ "$(jq -c '[.code, .files]' <<<"$answer")" = '["OK",{"user":"first"}]' ]
  [ "$(jq '.versions | length' <<<"$answer")" = 1 ]

  # The connection does not allow another namespace.
  answer=$(jq -n --arg objects "$objects" '{connection: "e2e", objects: $objects}' | synced $NS-other)
  echo "$answer"
  [ "$(jq -c '[.code, .files]' <<<"$answer")" = '["PermissionDenied",null]' ]

  # Without a connection there is no credential, and the message says so.
  answer=$(jq -n --arg e "https://$(host):18443" --arg id $OKMS_ID --arg objects "$objects" '{endpoint: $e, okmsId: $id, objects: $objects}' | synced)
  echo "$answer"
  [ "$(jq -r .code <<<"$answer")" = Unauthenticated ]
  [[ "$(jq -r .message <<<"$answer")" == *credential* ]]
}
