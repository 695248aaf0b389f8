#!/usr/bin/env bats

# What goes wrong on a node, as a user of kubectl sees it. In every story of a mount
# that fails, the pod waits, its event says why, it never runs with an empty volume,
# and it starts by itself when the cause is mended. test/e2e/run runs this.

load stories

setup_file() {
  envsubst <test/bats/tests/ovhcloud/emulator.yaml | kubectl apply -f -
  soon kubectl wait -n okms --for=condition=Ready --timeout=5s pod/okms
  install_provider
  kubectl create ns $NS --dry-run=client -o yaml | kubectl apply -f -
  credential credential e2e-token
}

teardown_file() {
  kubectl delete ns $NS stories-allowed stories-other --ignore-not-found --wait=false
  kubectl delete pod gate -n okms --ignore-not-found --wait=false
}

teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || kubectl get events -n $NS --sort-by=.lastTimestamp | tail -8 | cut -c1-700
}

@test "token that is unknown or revoked" {
  secret stories/revoked first
  class revoked
  credential revoked revoked-token
  pod revoked revoked
  refused revoked "OKMS refused the token"
  echo '{"token": "revoked-token"}' | okms post tokens
  runs revoked first
}

@test "right missing" {
  secret stories/denied first
  class denied
  echo '{"token": "denied-token", "actions": ["okms:apikms:secret/get"]}' | okms post tokens
  credential denied denied-token
  pod denied denied
  refused denied "grant its identity the IAM action okms:apikms:secret/version/getData"
  echo '{"token": "denied-token"}' | okms post tokens
  runs denied first
}

@test "secret absent" {
  class absent
  pod absent
  refused absent "OKMS has no such secret"
  secret stories/absent first
  runs absent first
}

@test "version deactivated" {
  secret stories/deactivated first
  echo '{"path": "stories/deactivated", "version": 1, "state": "deactivated"}' | okms post state
  class deactivated
  pod deactivated
  refused deactivated "version 1 is deactivated"
  echo '{"path": "stories/deactivated", "version": 1, "state": "active"}' | okms post state
  runs deactivated first
}

@test "class with a typo" {
  secret stories/typo first
  class typo "{secretPath: stories/typo, secretkey: user, objectName: user}"
  pod typo
  refused typo "secretKey"
  class typo
  runs typo first
}

@test "certificate of the store not trusted" {
  secret stories/untrusted first
  class untrusted "" "" ""
  pod untrusted
  refused untrusted "give its certificate authority in caBundle"
  class untrusted
  runs untrusted first
}

@test "credential's Secret missing" {
  secret stories/uncredited first
  class uncredited
  pod uncredited uncredited
  refused uncredited 'secrets "uncredited" not found'
  credential uncredited e2e-token
  runs uncredited first
}

@test "store down at the start of a pod, and back later" {
  close_gate
  secret stories/down first
  class down "" 18445
  pod down
  refused down "OKMS cannot be reached"
  gate
  runs down first
}

@test "store that answers with faults" {
  secret stories/faulty first
  class faulty
  echo '{"status": 503, "path": "stories/faulty"}' | okms post faults
  pod faulty
  refused faulty "kubelet tries again"
  okms delete faults
  runs faulty first
}

@test "store down during rotation: the files stay, and follow when it is back" {
  gate
  secret stories/rotation first
  class rotation "" 18445
  pod rotation
  runs rotation first
  close_gate
  secret stories/rotation second
  # The daemon tells when it was asked in vain; the pod must not notice.
  in_vain() { kubectl logs -n $RELEASE_NAMESPACE $PROVIDER --since=60s | grep '"rotation"' | grep -i 'cannot be reached'; }
  soon in_vain
  has rotation first
  gate
  soon has rotation second
  [ "$(kubectl get pod rotation -n $NS -o jsonpath='{.status.phase}')" = Running ]
}

@test "rolling update while pods come and go: no mount fails" {
  local i
  secret stories/rolling first
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

# kill_daemon: SIGKILL, from a pod in the process namespace of the node.
kill_daemon() {
  kubectl delete pod killer -n $NS --ignore-not-found
  kubectl run killer -n $NS --image="$BUSYBOX_IMAGE" --restart=Never --overrides='{"spec": {"hostPID": true, "nodeName":
    "'"$(kubectl get pod okms -n okms -o jsonpath='{.spec.nodeName}')"'"}}' -- \
    sh -c 'kill -9 $(pidof ovhcloud-csi-provider)'
  kubectl wait -n $NS --for=jsonpath='{.status.phase}'=Succeeded --timeout=60s pod/killer
}

@test "daemon killed in the middle of a mount: the pod starts all the same" {
  secret stories/killed first
  class killed
  echo '{"hang": true, "path": "stories/killed"}' | okms post faults
  pod killed
  arrived() { okms get requests | grep stories/killed; }
  soon arrived
  kill_daemon
  okms delete faults
  runs killed first
  [ "$(kubectl get pods -n $RELEASE_NAMESPACE -l app.kubernetes.io/name=ovhcloud-csi-provider -o jsonpath='{.items[0].status.containerStatuses[0].restartCount}')" -ge 1 ]
}

# connected NAMESPACE: a class there that uses the connection e2e.
connected() {
  kubectl create ns "$1" --dry-run=client -o yaml | kubectl apply -f -
  kubectl apply -n "$1" -f - <<YAML
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: connected}
spec:
  provider: ovhcloud
  parameters:
    connection: e2e
    objects: "[{secretPath: stories/connected, secretKey: user, objectName: user}]"
YAML
}

# connection_values: helm's values for a connection to the store.
connection_values() {
  jq -n --arg endpoint "https://$(host):18443" --arg id $OKMS_ID --arg ca "$(okms get ca.pem)" '{connections: {e2e: {
    endpoint: $endpoint, okmsId: $id, caBundle: $ca, existingSecret: "okms-e2e",
    allow: [{namespaces: ["stories-allowed"], serviceAccounts: ["*"], paths: ["stories/*"]}]}}}'
}

@test "connection from a Helm value: one namespace may use it, another may not; its credential follows the Secret" {
  secret stories/connected first
  credential okms-e2e e2e-token $RELEASE_NAMESPACE
  connection_values >"$BATS_TEST_TMPDIR/values.json"
  install_provider -f "$BATS_TEST_TMPDIR/values.json"
  connected stories-allowed
  connected stories-other
  pod connected - stories-allowed
  pod connected - stories-other
  runs connected first stories-allowed
  refused connected "connection" 3 stories-other

  # A new credential: no restart, and the pod is served with it.
  local before
  before=$(kubectl get pods -n $RELEASE_NAMESPACE -l app.kubernetes.io/name=ovhcloud-csi-provider -o jsonpath='{.items[*].metadata.name}')
  echo '{"token": "e2e-second"}' | okms post tokens
  credential okms-e2e e2e-second $RELEASE_NAMESPACE
  reloaded() { kubectl logs -n $RELEASE_NAMESPACE $PROVIDER | grep -c 'connections: in use' | grep -qx '[2-9]'; }
  soon reloaded
  pod again - stories-allowed connected
  runs again first stories-allowed
  [ "$(kubectl get pods -n $RELEASE_NAMESPACE -l app.kubernetes.io/name=ovhcloud-csi-provider -o jsonpath='{.items[*].metadata.name}')" = "$before" ]

  install_provider
  kubectl delete secret okms-e2e -n $RELEASE_NAMESPACE
}
