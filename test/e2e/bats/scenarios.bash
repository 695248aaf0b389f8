# Helpers of the scenarios. Each scenario uses its own name for its path in the store,
# its class, its credential and its pod, so that scenarios do not affect each other. Each
# file has a namespace.

NS=scenarios-$(basename "$BATS_TEST_FILENAME" .bats)
WAIT=150 # seconds; kubelet doubles the pause between two attempts, up to two minutes
OKMS_ID=734b9b45-8b1a-469c-b140-b10bd6540017
RELEASE_NAMESPACE=kube-system
OVHCSI=$ROOT/bin/e2e/ovhcsi # the tool, for this machine
PROVIDER=daemonset/ovhcloud-csi-provider
PROVIDER_PODS="-n $RELEASE_NAMESPACE -l app.kubernetes.io/name=ovhcloud-csi-provider"

export OVHCLOUD_CHART=${OVHCLOUD_CHART:-"ovhcloud-csi-provider/ovhcloud-csi-provider"}
export OVHCLOUD_IMAGE=${OVHCLOUD_IMAGE:-"ovhcloud-csi-provider"}
export OVHCLOUD_TAG=${OVHCLOUD_TAG:-"devel"}
export EMULATOR_IMAGE=${EMULATOR_IMAGE:-"ovhcloud-csi-provider-emulator:${OVHCLOUD_TAG}"}
export BUSYBOX_IMAGE=${BUSYBOX_IMAGE:-"busybox:1.36"}
export PROGRAM_IMAGE=${PROGRAM_IMAGE:-"ovhcloud-csi-provider-program:${OVHCLOUD_TAG}"}

# Each file starts with an empty store, the provider with the values below, and a
# namespace with a credential that may read everything.
setup_file() {
  kubectl delete pod okms -n okms --ignore-not-found --timeout=60s
  envsubst <test/bats/tests/ovhcloud/emulator.yaml | kubectl apply -f -
  soon kubectl wait -n okms --for=condition=Ready --timeout=5s pod/okms
  install_provider
  kubectl delete ns $NS --ignore-not-found --timeout=120s
  kubectl create ns $NS
  credential credential e2e-token
}

teardown_file() {
  kubectl delete ns $NS $NS-other --ignore-not-found --wait=false
  kubectl delete pod gate -n okms --ignore-not-found --wait=false
}

# Prints the state of the cluster after a failed scenario.
teardown() {
  [ -z "${BATS_TEST_COMPLETED:-}" ] || return 0
  kubectl get pods -n $NS -o wide | tail -15
  kubectl get events -n $NS --sort-by=.lastTimestamp | tail -12 | cut -c1-700
  daemon_log | jq -Rr 'fromjson? | select(.level == "ERROR") | "\(.time) \(.secretProviderClass // "") \(.msg): \(.error)"' | tail -5
  kubectl delete job stream -n $NS --ignore-not-found --wait=false
}

# okms METHOD PATH: calls the emulator's control API through the API server; reads a
# body from stdin.
okms() {
  local path=/api/v1/namespaces/okms/pods/okms:18444/proxy/$2
  case $1 in
  get) kubectl get --raw "$path" ;;
  put) kubectl replace --raw "$path" -f - ;;
  post) kubectl create --raw "$path" -f - ;;
  delete) kubectl delete --raw "$path" ;;
  esac
}

# revoke TOKEN
revoke() { echo "{\"token\": \"$1\"}" | kubectl delete --raw /api/v1/namespaces/okms/pods/okms:18444/proxy/tokens -f -; }

# soon COMMAND…: waits until the command succeeds, at most WAIT seconds.
soon() {
  local end=$((SECONDS + WAIT))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { echo "did not succeed within $WAIT s: $*"; return 1; }
    sleep 0.5
  done
}

# host and node: the IP address and the name of the store's node.
host() { kubectl get pod okms -n okms -o jsonpath='{.status.hostIP}'; }
node() { kubectl get pod okms -n okms -o jsonpath='{.spec.nodeName}'; }

# install_provider [helm's arguments…]: SECCOMP is the value of its profile, empty for a chart that has none.
install_provider() {
  local seccomp=${SECCOMP-seccomp.install=true}
  helm upgrade --install ovhcloud-csi-provider "$OVHCLOUD_CHART" -n $RELEASE_NAMESPACE \
    --set image.repository="$OVHCLOUD_IMAGE",image.tag="$OVHCLOUD_TAG","mountTimeoutSeconds=10${seccomp:+,$seccomp}" \
    --set "allowEndpoints={$(host):18443,$(host):18445}" "$@" --wait --timeout 120s
}

# credential NAME TOKEN [NAMESPACE]
credential() {
  kubectl create secret generic "$1" -n "${3:-$NS}" --from-literal=token="$2" --dry-run=client -o yaml | kubectl apply -f -
  kubectl label secret "$1" -n "${3:-$NS}" secrets-store.csi.k8s.io/used=true --overwrite
}

# secret PATH VALUE: writes a new version with one key, user.
secret() { echo "{\"user\": \"$2\"}" | okms put "secrets/$1"; }

# class NAME [OBJECT [PORT [CA]]]: applies a SecretProviderClass. The default object is
# the key user of scenarios/NAME. An empty CA omits caBundle.
class() {
  local object=${2:-"{secretPath: scenarios/$1, secretKey: user, objectName: user}"} ca
  ca=${4-$(okms get ca.pem)}
  [ -z "$ca" ] || ca="caBundle: \"${ca//$'\n'/\\n}\""
  kubectl apply -f - <<YAML
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: "$1", namespace: $NS}
spec:
  provider: ovhcloud
  parameters:
    endpoint: "https://$(host):${3:-18443}"
    okmsId: $OKMS_ID
    $ca
    objects: "[$object]"
YAML
}

# pod NAME [SECRET [NAMESPACE [CLASS]]]: applies a pod that mounts CLASS (default: NAME).
# If it starts with an empty volume, it fails and is not restarted. SECRET "-" omits
# nodePublishSecretRef.
pod() {
  local reference="nodePublishSecretRef: {name: ${2:-credential}}"
  [ "${2:-}" != - ] || reference=
  kubectl apply -f - <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1", namespace: "${3:-$NS}"}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: $BUSYBOX_IMAGE
      imagePullPolicy: IfNotPresent
      command: [sh, -c, "test -s /secrets/user && exec sleep 1000000"]
      volumeMounts:
        - {name: secrets, mountPath: /secrets, readOnly: true}
  volumes:
    - name: secrets
      csi:
        driver: secrets-store.csi.k8s.io
        readOnly: true
        volumeAttributes: {secretProviderClass: "${4:-$1}"}
        $reference
YAML
}

# crowd_class NAME COUNT [PORT]: applies a class of COUNT secrets, named 0, 1, …, with
# the values value-0, value-1, ….
crowd_class() {
  local i objects=
  for ((i = 0; i < $2; i++)); do
    secret "scenarios/$1/$i" value-$i
    objects+="{secretPath: scenarios/$1/$i, secretKey: user, objectName: '$i'}, "
  done
  class "$1" "$objects" "${3:-18443}"
}

# crowd NAME REPLICAS COUNT [CLASS [NODE]]: applies a Deployment whose pods check all
# COUNT values. If a value is wrong, the container exits and is restarted.
crowd() {
  kubectl apply -f - <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: "$1", namespace: $NS}
spec:
  replicas: $2
  selector: {matchLabels: {app: "$1"}}
  template:
    metadata: {labels: {app: "$1"}}
    spec:
      terminationGracePeriodSeconds: 0
      ${5:+nodeName: "$5"}
      containers:
        - name: main
          image: $BUSYBOX_IMAGE
          imagePullPolicy: IfNotPresent
          command: [sh, -c, 'for i in \$(seq 0 $(($3 - 1))); do [ "\$(cat /secrets/\$i)" = value-\$i ] || exit 1; done; exec sleep 1000000']
          volumeMounts:
            - {name: secrets, mountPath: /secrets, readOnly: true}
      volumes:
        - name: secrets
          csi:
            driver: secrets-store.csi.k8s.io
            readOnly: true
            volumeAttributes: {secretProviderClass: "${4:-$1}"}
            nodePublishSecretRef: {name: credential}
YAML
}

# restarts_of NAME: prints the number of container restarts of its pods.
restarts_of() { kubectl get pods -n $NS -l "app=$1" -o json | jq '[.items[].status.containerStatuses[]?.restartCount] | add // 0'; }

# gate: opens a second port of the store, 18445, that a scenario can close.
gate() {
  kubectl apply -f - <<YAML
apiVersion: v1
kind: Pod
metadata: {name: gate, namespace: okms}
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 0
  tolerations: [{operator: Exists}]
  nodeName: $(node)
  containers:
    - name: gate
      image: $BUSYBOX_IMAGE
      imagePullPolicy: IfNotPresent
      command: [nc, -ll, -p, "18445", -e, nc, "$(host)", "18443"]
YAML
  kubectl wait -n okms --for=condition=Ready --timeout=60s pod/gate
}
close_gate() { kubectl delete pod gate -n okms --ignore-not-found --timeout=60s; }

# kill_daemon: sends SIGKILL from a pod in the node's process namespace.
kill_daemon() {
  kubectl delete pod killer -n $NS --ignore-not-found
  kubectl run killer -n $NS --image="$BUSYBOX_IMAGE" --restart=Never --overrides='{"spec": {"hostPID": true, "nodeName": "'"$(node)"'"}}' -- \
    sh -c 'kill -9 $(pidof ovhcloud-csi-provider)'
  kubectl wait -n $NS --for=jsonpath='{.status.phase}'=Succeeded --timeout=60s pod/killer
}

# sync_pod: starts a pod that can call the provider's socket, as secrets-store-sync-controller does.
sync_pod() {
  kubectl run sync -n $NS --image="$BUSYBOX_IMAGE" --restart=Never --overrides='{"spec": {"nodeName":
    "'"$(node)"'", "containers": [{"name": "sync", "image": "'"$BUSYBOX_IMAGE"'",
    "command": ["sleep", "1000000"], "volumeMounts": [{"name": "socket", "mountPath": "/provider"}]}],
    "volumes": [{"name": "socket", "hostPath": {"path": "/var/run/secrets-store-csi-providers"}}]}}'
  kubectl wait -n $NS --for=condition=Ready --timeout=60s pod/sync
}

# requests PATTERN: prints the requests whose URI matches, as a JSON list, since the last
# "okms delete requests".
requests() { okms get requests | jq --arg pattern "$1" '[.[] | select(.uri | test($pattern))]'; }
# asked PATTERN [TIMES]: succeeds if there were at least TIMES (default 1) such requests.
asked() { [ "$(requests "$1" | jq length)" -ge "${2:-1}" ]; }

# daemon_log: prints the provider's log, of all nodes.
# shellcheck disable=SC2086
daemon_log() { kubectl logs $PROVIDER_PODS --tail=-1 --max-log-requests=100; }

# mounts CLASS: prints the provider's audit lines of the mounts of a class.
mounts() { daemon_log | jq -Rc --arg class "$NS/$1" 'fromjson? | select(.msg == "mount" and .secretProviderClass == $class)'; }
# mount_says CLASS TEXT: succeeds if one of them contains TEXT.
mount_says() { mounts "$1" | grep -F -- "$2"; }

# metrics: prints the provider's metrics, of all nodes.
metrics() {
  local pod
  # shellcheck disable=SC2086
  for pod in $(kubectl get pods $PROVIDER_PODS -o jsonpath='{.items[*].metadata.name}'); do
    kubectl get --raw "/api/v1/namespaces/$RELEASE_NAMESPACE/pods/$pod:8080/proxy/metrics"
  done
}

# pods_and_restarts: prints the provider's pods and their restart counts.
# shellcheck disable=SC2086
pods_and_restarts() { kubectl get pods $PROVIDER_PODS -o jsonpath='{range .items[*]}{.metadata.name} {.status.containerStatuses[0].restartCount}{"\n"}{end}'; }

# renewal POD REASON TEXT: succeeds if an event of the pod with REASON contains TEXT.
renewal() {
  kubectl get events -n $NS --field-selector "involvedObject.name=$1,reason=$2" -o json | jq -r '.items[].message' | grep -F -- "$3"
}

# failures POD [NAMESPACE]: prints the number of failed mounts in the pod's events.
failures() {
  kubectl get events -n "${2:-$NS}" --field-selector "involvedObject.name=$1,reason=FailedMount" -o json |
    jq '[.items[] | (.series.count // .count // 1)] | add // 0'
}
failed_often() { [ "$(failures "$1" "${3:-$NS}")" -ge "$2" ]; }

# failures_of PREFIX: prints the number of failed mounts of the volume "secrets" of all
# pods whose names start with PREFIX. kubelet's own volumes are not counted, since they
# may fail for a pod that is being deleted.
failures_of() {
  kubectl get events -n $NS --field-selector reason=FailedMount -o json | jq --arg prefix "$1-" \
    '[.items[] | select((.involvedObject.name | startswith($prefix)) and (.message | contains("\"secrets\""))) | (.series.count // .count // 1)] | add // 0'
}

# event POD TEXT [NAMESPACE]: succeeds if the event of a failed mount contains TEXT.
event() {
  kubectl get events -n "${3:-$NS}" --field-selector "involvedObject.name=$1,reason=FailedMount" -o json |
    jq -r '.items[].message' | grep -F -- "$2"
}

# refused POD TEXT [TIMES [NAMESPACE]]: waits until an event of the pod contains TEXT and
# TIMES (default 3) mounts failed; then the pod must still be Pending. More than one
# failure is needed: a mount that leaves an empty volume behind succeeds when retried.
refused() {
  soon event "$1" "$2" "${4:-$NS}" || { kubectl get events -n "${4:-$NS}" --field-selector "involvedObject.name=$1"; return 1; }
  soon failed_often "$1" "${3:-3}" "${4:-$NS}"
  [ "$(kubectl get pod "$1" -n "${4:-$NS}" -o jsonpath='{.status.phase}')" = Pending ]
}

# runs POD VALUE [NAMESPACE]: waits until the pod is ready; its secret must be VALUE.
runs() {
  kubectl wait -n "${3:-$NS}" --for=condition=Ready --timeout=${WAIT}s "pod/$1" ||
    { kubectl describe pod -n "${3:-$NS}" "$1" | tail -15; return 1; }
  has "$@"
}
has() { [ "$(kubectl exec -n "${3:-$NS}" "$1" -- cat /secrets/user)" = "$2" ]; }
