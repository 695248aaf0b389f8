#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

# What an operator sees if something is broken: the table of docs/failures.md. Each scenario breaks one thing and looks at
# metrics, audit, traces and events. The alerts are seen by test/clients/prometheus, which replays the scrapes that these
# scenarios record if SEEN_DIR is set.

load scenarios
WAIT=60

# collector: applies a collector of traces on the node of the store.
collector() {
  kubectl apply -f - <<YAML
apiVersion: v1
kind: Pod
metadata: {name: collector, namespace: okms}
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 0
  tolerations: [{operator: Exists}]
  nodeName: $(node)
  containers:
    - name: collector
      image: $BUSYBOX_IMAGE
      imagePullPolicy: IfNotPresent
      command: [printspans, "$(host):18449"]
YAML
  kubectl wait -n okms --for=condition=Ready --timeout=60s pod/collector
}

# values: prints Helm values with two connections to the store: near over the gate, with far as its fallback.
values() {
  jq -n --arg host "$(host)" --arg id $OKMS_ID --arg ca "$(okms get ca.pem)" --arg namespace "$NS" '
    {okmsId: $id, caBundle: $ca, allow: [{namespaces: [$namespace], serviceAccounts: ["*"], paths: ["scenarios/*"]}]} as $any |
    {connections: {
      near: ($any + {endpoint: "https://\($host):18445", existingSecret: "seen-near", fallback: "far"}),
      far: ($any + {endpoint: "https://\($host):18443", existingSecret: "seen-far"})},
    tracing: {endpoint: "http://\($host):18449"}, events: {enabled: true}, auditLog: {to: "stdout"}, cacheTTL: "0s",
    cacheBytes: "16Mi", resources: {limits: {memory: "64Mi"}}}'
}
install_all() { install_provider -f <(values) "$@"; }

# certificate NAME DAYS: gives a connection a certificate that expires in DAYS days.
certificate() {
  local end
  end=$(date -u -d "@$(($(date +%s) + $2 * 86400))" +%Y-%m-%dT%H:%M:%SZ)
  echo "{\"name\": \"$1\", \"expires\": \"$end\"}" | okms post certificates >"$BATS_TEST_TMPDIR/pair"
  kubectl create secret generic "seen-$1" -n $RELEASE_NAMESPACE --dry-run=client -o yaml \
    --from-literal=tls.crt="$(jq -r .certificate "$BATS_TEST_TMPDIR/pair")" \
    --from-literal=tls.key="$(jq -r .key "$BATS_TEST_TMPDIR/pair")" | kubectl apply -f -
}

# scrape: prints the provider's own metrics.
scrape() { metrics | grep '^ovhcloud_csi_'; }
# healthy: keeps a scrape of the time before something is broken.
healthy() { scrape >"$BATS_TEST_TMPDIR/healthy"; }
# record NAME: writes the series that differ from those of healthy, with both values, to SEEN_DIR.
record() {
  [ -n "${SEEN_DIR:-}" ] || return 0
  { echo "# $(date +%s)"; scrape | awk '
      { name = $0; sub(/ [^ ]*$/, "", name); value = $NF }
      NR == FNR { before[name] = value; next }
      !(name in before) { before[name] = "-" }
      name !~ /_seconds_(bucket|sum|count)|_budget_used_bytes|_okms_connections_total|_in_flight/ && before[name] != value {
        print name, before[name], value }' "$BATS_TEST_TMPDIR/healthy" -; } >"$SEEN_DIR/$1.txt"
}
# metric SERIES [LEAST]: succeeds if a series that contains SERIES has grown since healthy, or is at least LEAST.
metric() {
  scrape | awk -v series="$1" -v least="${2:-}" '
    { name = $0; sub(/ [^ ]*$/, "", name); if (index(name, series) == 0) next }
    NR == FNR { before[name] = $NF; next }
    least == "" ? $NF > before[name] + 0 : $NF >= least { found = 1 }
    END { exit !found }' "$BATS_TEST_TMPDIR/healthy" -
}
# audited CLASS FILTER: succeeds if an audit record of the class passes jq's FILTER.
audited() {
  daemon_log | jq -Rc --arg class "$NS/$1" "fromjson? | select(.version == \"v1\" and .secretProviderClass == \$class) | select($2)" | grep .
}
# traced POD FILTER: succeeds if a trace with a mount of the pod has a span that passes jq's FILTER.
traced() {
  kubectl logs -n okms collector | jq -se --arg pod "$1" \
    "map(select(.Attributes[\"k8s.pod.name\"] == \$pod) | .Trace) as \$traces | any(.[]; select(.Trace | IN(\$traces[])) | $2)"
}
# failing POD KIND: succeeds if its mount failed with the kind in the audit of the class of its name, and in a trace.
failing() { audited "$1" ".result == \"$2\"" && traced "$1" ".Failed and .Name == \"mount\" and .Attributes[\"error.type\"] == \"$2\""; }

@test "set up: two connections, events, traces and audit" {
  collector
  certificate near 365
  credential seen-far e2e-token $RELEASE_NAMESPACE
  gate
  install_all
}

@test "token revoked" {
  echo '{"token": "seen-token"}' | okms post tokens
  secret scenarios/revoked first
  credential revoked seen-token
  class revoked
  pod revoked revoked
  runs revoked first
  healthy
  revoke seen-token
  soon renewal revoked SecretsNotRenewed "OKMS refused the token"
  metric 'ovhcloud_csi_mounts_total{result="unauthenticated"}'
  soon failing revoked unauthenticated
  record token-revoked
  kubectl delete pod revoked -n $NS --wait=false
}

@test "class wrong" {
  secret scenarios/wrong first
  class wrong
  pod wrong
  runs wrong first
  healthy
  class wrong "{secretPth: scenarios/wrong, objectName: user}"
  soon renewal wrong SecretsNotRenewed "secretPth"
  metric 'ovhcloud_csi_mounts_total{result="invalid"}'
  soon failing wrong invalid
  record class-wrong
  kubectl delete pod wrong -n $NS --wait=false
}

@test "certificate near its end" {
  healthy
  certificate near 3
  # Its end is within a week.
  soons() { scrape | awk -v most=$(($(date +%s) + 7 * 86400)) '/credential_expiry.*"near"/ { found = $NF < most } END { exit !found }'; }
  soon soons
  record certificate-near-its-end
}

# connected NAME [OBJECTS]: applies a class that uses the connection near, for the key user of scenarios/NAME.
connected() {
  local objects=${2:-"[{secretPath: scenarios/$1, secretKey: user, objectName: user}]"}
  kubectl apply -n $NS -f - <<YAML
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: "$1"}
spec:
  provider: ovhcloud
  parameters:
    connection: near
    objects: "$objects"
YAML
}

@test "one region away: the fallback serves, and says so" {
  secret scenarios/region first
  connected region
  pod region -
  runs region first
  healthy
  close_gate
  soon metric 'ovhcloud_csi_secret_reads_total{served="fallback"}'
  metric 'ovhcloud_csi_okms_requests_total{api="kv2",operation="read",status="0"}'
  soon audited region '.result == "ok" and .fallbackConnection == "far" and .fallbackBecause != null'
  soon traced region '.Name == "read" and (.Attributes["ovhcloud_csi.served"] // "" | contains("fallback"))'
  record region-away
  has region first
  kubectl delete pod region -n $NS --wait=false
}

@test "store down" {
  secret scenarios/down first
  gate
  class down "" 18445
  pod down
  runs down first
  healthy
  close_gate
  soon renewal down SecretsNotRenewed "OKMS cannot be reached"
  metric 'ovhcloud_csi_okms_requests_total{api="kv2",operation="read",status="0"}'
  soon metric 'ovhcloud_csi_okms_circuit_breakers' 1
  soon failing down unreachable
  record store-down
  gate
  kubectl delete pod down -n $NS --wait=false
}

refused_span() { kubectl logs -n okms collector | jq -se 'any(.[]; .Failed and .Name == "mount" and .Attributes["error.type"] == "node_full")'; }

@test "budget full" {
  local object="{secretPath: scenarios/full, secretKey: user, objectName: user}"
  # x BYTES: prints a comment of YAML.
  x() { printf ' # %*s' "$1" '' | tr ' ' x | sed 's/^x#x/ # /'; }
  secret scenarios/full first
  sync_pod
  healthy
  # OKMS is slow, and does not fail, so that no circuit breaker opens. Each call holds what its request takes until its
  # answer, and the next one takes its place. That of the pod is larger, so that it does not fit between them.
  echo '{"delay": "8s", "path": "scenarios/full"}' | okms post faults
  jq -n --arg objects "[$object]$(x 60000)" '{connection: "far", objects: $objects}' | kubectl exec -i -n $NS sync -- sh -c '
    p=$(cat)
    for i in $(seq 30); do while :; do echo "$p" | synccaller --namespace '$NS'; sleep 1; done & done; wait' >/dev/null 2>&1 3>&- 9>&- &
  connected full "[$object]$(x 120000)"
  soon metric 'ovhcloud_csi_memory_budget_refusals_total{part="mounts"}'
  pod full -
  soon event full "this node has too many mounts at once"
  # The request is refused before it is read to its end, so that audit and trace do not have the pod.
  daemon_log | jq -Rc --arg namespace "$NS" \
    'fromjson? | select(.version == "v1" and .result == "node_full") | select(.error | contains($namespace))' | grep .
  soon refused_span
  record budget-full
  kubectl delete pod sync -n $NS --grace-period=1
  okms delete faults
  runs full first
  kubectl delete pod full -n $NS --wait=false
}

@test "daemon killed" {
  secret scenarios/killed first
  class killed
  echo '{"hang": true, "path": "scenarios/killed"}' | okms post faults
  okms delete requests
  pod killed
  soon asked scenarios/killed
  kill_daemon
  okms delete faults
  # shellcheck disable=SC2086
  [ "$(kubectl get pods $PROVIDER_PODS -o json | jq '[.items[].status.containerStatuses[0].lastState.terminated.exitCode] | max')" = 137 ]
  # The driver repeats the call, so that the pod has no event of it.
  runs killed first
  [ "$(failures killed)" = 0 ]
  audited killed '.result == "ok"'
  soon traced killed '.Name == "mount" and (.Failed | not)'
  kubectl delete pod killed -n $NS --wait=false
}

@test "disk of the audit full" {
  install_all --set auditLog.to= --set-json 'extraArgs=["--audit-log=/audit/audit.log"]' \
    --set-json 'volumes=[{"name": "audit", "emptyDir": {"medium": "Memory", "sizeLimit": "4Ki"}}]' \
    --set-json 'volumeMounts=[{"name": "audit", "mountPath": "/audit"}]'
  healthy
  secret scenarios/audited first
  class audited
  pod audited
  runs audited first
  sync_pod
  for _ in $(seq 20); do echo '{}' | kubectl exec -i -n $NS sync -- synccaller --namespace $NS; done
  soon metric 'ovhcloud_csi_audit_records_lost_total{reason="failed"}'
  # The log still has each mount.
  mount_says audited '"result":"ok"'
  soon traced audited '.Name == "mount" and (.Failed | not)'
  record audit-disk-full
  has audited first
}

@test "clean up" {
  close_gate
  kubectl delete pod collector -n okms --wait=false
  install_provider
}
