#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

# OVHcloud Secret Manager. The store is the provider's emulator in a pod, so that no
# account is needed. The suite has the form of those in test/bats of the driver's
# repository; test/e2e/run of the provider's repository runs it too.

load helpers

BATS_TESTS_DIR=test/bats/tests/ovhcloud
WAIT_TIME=180
SLEEP_TIME=1

export LABEL_VALUE=${LABEL_VALUE:-"test"}
export ANNOTATION_VALUE=${ANNOTATION_VALUE:-"app=test"}
export OVHCLOUD_CHART=${OVHCLOUD_CHART:-"ovhcloud-csi-provider/ovhcloud-csi-provider"}
export OVHCLOUD_IMAGE=${OVHCLOUD_IMAGE:-"ovhcloud-csi-provider"}
export OVHCLOUD_TAG=${OVHCLOUD_TAG:-"devel"}
export EMULATOR_IMAGE=${EMULATOR_IMAGE:-"ovhcloud-csi-provider-emulator:${OVHCLOUD_TAG}"}
export BUSYBOX_IMAGE=${BUSYBOX_IMAGE:-"busybox:1.36"}

# okms METHOD PATH: calls the emulator's control API through the API server; reads a
# body from stdin.
okms() {
  local path=/api/v1/namespaces/okms/pods/okms:18444/proxy/$2
  case $1 in
  get) kubectl get --raw "$path" ;;
  put) kubectl replace --raw "$path" -f - ;;
  post) kubectl create --raw "$path" -f - ;;
  esac
}

# apply FILE [ARGUMENT…]: kubectl apply, with the addresses of this cluster filled in.
apply() {
  local file=$1
  shift
  OKMS_HOST=$(kubectl get pod okms -n okms -o jsonpath='{.status.hostIP}')
  OKMS_CA=$(okms get ca.pem | awk '{printf "%s\\n", $0}')
  export OKMS_HOST OKMS_CA
  envsubst <"$BATS_TESTS_DIR/$file" | kubectl apply "$@" -f -
}

# credentials NAMESPACE: applies the Secret that the volumes name.
credentials() {
  kubectl create secret generic okms-credentials -n "$1" --from-literal=token=e2e-token --dry-run=client -o yaml | kubectl apply -f -
  kubectl label secret okms-credentials -n "$1" secrets-store.csi.k8s.io/used=true --overwrite
}

# file_is POD FILE VALUE: succeeds if the file has this value.
file_is() {
  [[ "$(kubectl exec "$1" -- cat "/mnt/secrets-store/$2")" == "$3" ]]
}

# secret_is NAME KEY VALUE: succeeds if the key of the Secret has this value.
secret_is() {
  [[ "$(kubectl get secret "$1" -o jsonpath="{.data.$2}" | base64 -d)" == "$3" ]]
}

# secret_gone NAME NAMESPACE: succeeds if there is no such Secret.
secret_gone() {
  [[ -z "$(kubectl get secret "$1" -n "$2" --ignore-not-found -o name)" ]]
}

# environment NAMESPACE POD NAME: prints an environment variable.
environment() {
  kubectl exec -n "$1" "$2" -- sh -c "echo \"\$$3\""
}

# pod_of NAMESPACE: prints the first pod of the Deployments.
pod_of() {
  kubectl get pod -n "$1" -l app=busybox -o jsonpath="{.items[0].metadata.name}"
}

@test "install ovhcloud provider" {
  envsubst <$BATS_TESTS_DIR/emulator.yaml | kubectl apply -f -
  wait_for_process $WAIT_TIME $SLEEP_TIME "kubectl wait -n okms --for=condition=Ready --timeout=5s pod/okms"

  local host=$(kubectl get pod okms -n okms -o jsonpath='{.status.hostIP}')
  helm upgrade --install ovhcloud-csi-provider "$OVHCLOUD_CHART" --namespace kube-system \
    --set image.repository="$OVHCLOUD_IMAGE",image.tag="$OVHCLOUD_TAG" \
    --set "allowEndpoints={$host:18443}" --wait --timeout 120s
}

@test "setup ovhcloud" {
  echo '{"bar": "hello"}' | okms put secrets/prod/foo
  echo '{"bar1": "hello1"}' | okms put secrets/prod/foo1
  credentials default
}

@test "deploy ovhcloud secretproviderclass crd" {
  apply ovhcloud_v1_secretproviderclass.yaml
  kubectl wait --for condition=established --timeout=60s crd/secretproviderclasses.secrets-store.csi.x-k8s.io

  cmd="kubectl get secretproviderclasses.secrets-store.csi.x-k8s.io/ovhcloud-foo -o yaml | grep ovhcloud"
  wait_for_process $WAIT_TIME $SLEEP_TIME "$cmd"
}

@test "CSI inline volume test with pod portability" {
  apply pod-ovhcloud-inline-volume-secretproviderclass.yaml
  kubectl wait --for=condition=Ready --timeout=${WAIT_TIME}s pod/secrets-store-inline
}

@test "CSI inline volume test with pod portability - read secret from pod" {
  file_is secrets-store-inline bar hello
  file_is secrets-store-inline bar1 hello1
}

@test "CSI inline volume test with pod portability - rotation succeeds" {
  echo '{"foo": "start"}' | okms put secrets/prod/rotation
  apply pod-ovhcloud-rotation.yaml
  kubectl wait --for=condition=Ready --timeout=${WAIT_TIME}s pod/secrets-store-rotation
  file_is secrets-store-rotation foo start
  wait_for_process $WAIT_TIME $SLEEP_TIME "secret_is rotationsecret foo start"

  echo '{"foo": "rotated"}' | okms put secrets/prod/rotation
  wait_for_process $WAIT_TIME $SLEEP_TIME "file_is secrets-store-rotation foo rotated"
}

@test "CSI inline volume test with pod portability - rotation of the mirrored K8s secret" {
  wait_for_process $WAIT_TIME $SLEEP_TIME "secret_is rotationsecret foo rotated"

  kubectl delete pod/secrets-store-rotation
  wait_for_process $WAIT_TIME $SLEEP_TIME "secret_gone rotationsecret default"
}

@test "CSI inline volume test with pod portability - unmount succeeds" {
  # On Linux a volume that cannot be unmounted keeps the pod from being deleted.
  run kubectl delete pod secrets-store-inline
  assert_success

  run kubectl wait --for=delete --timeout=${WAIT_TIME}s pod/secrets-store-inline
  assert_success

  archive_info

  run bash -c "kubectl logs -l app=secrets-store-csi-driver --tail -1 -c secrets-store -n kube-system | grep '^E.*failed to clean and unmount target path.*$'"
  assert_failure
}

@test "Sync with K8s secrets - create deployment" {
  apply ovhcloud_synck8s_v1_secretproviderclass.yaml
  apply deployment-synck8s.yaml
  apply deployment-two-synck8s.yaml

  kubectl wait --for=condition=Available --timeout=${WAIT_TIME}s deployment/busybox-deployment deployment/busybox-deployment-two
}

@test "Sync with K8s secrets - read secret from pod, read K8s secret, read env var, check secret ownerReferences with multiple owners" {
  POD=$(pod_of default)
  file_is $POD bar hello
  file_is $POD bar1 hello1
  file_is $POD nested/bar hello

  secret_is foosecret pwd hello
  secret_is foosecret nested hello

  result=$(environment default $POD SECRET_USERNAME)
  assert_equal hello1 "$result"

  result=$(kubectl get secret foosecret -o jsonpath="{.metadata.labels.environment}")
  assert_equal "$LABEL_VALUE" "$result"

  result=$(kubectl get secret foosecret -o jsonpath="{.metadata.annotations.e2e/note}")
  assert_equal "$ANNOTATION_VALUE" "$result"

  result=$(kubectl get secret foosecret -o jsonpath="{.metadata.labels.secrets-store\.csi\.k8s\.io/managed}")
  assert_equal true "$result"

  run wait_for_process $WAIT_TIME $SLEEP_TIME "compare_owner_count foosecret default 2"
  assert_success
}

@test "Sync with K8s secrets - delete deployment, check secret is deleted" {
  run kubectl delete deployment busybox-deployment
  assert_success

  run wait_for_process $WAIT_TIME $SLEEP_TIME "compare_owner_count foosecret default 1"
  assert_success

  run kubectl delete deployment busybox-deployment-two
  assert_success

  run wait_for_process $WAIT_TIME $SLEEP_TIME "secret_gone foosecret default"
  assert_success

  run kubectl delete secretproviderclass ovhcloud-foo-sync
  assert_success
}

@test "Test Namespaced scope SecretProviderClass - create deployment" {
  kubectl create ns test-ns
  credentials test-ns
  apply ovhcloud_v1_secretproviderclass_ns.yaml

  apply deployment-synck8s.yaml -n test-ns
  kubectl wait -n test-ns --for=condition=Available --timeout=${WAIT_TIME}s deployment/busybox-deployment
}

@test "Test Namespaced scope SecretProviderClass - Sync with K8s secrets - read secret from pod, read K8s secret, read env var, check secret ownerReferences" {
  POD=$(pod_of test-ns)
  result=$(kubectl exec -n test-ns $POD -- cat /mnt/secrets-store/bar)
  assert_equal hello "$result"

  result=$(kubectl exec -n test-ns $POD -- cat /mnt/secrets-store/bar1)
  assert_equal hello1 "$result"

  result=$(kubectl get secret foosecret -n test-ns -o jsonpath="{.data.pwd}" | base64 -d)
  assert_equal hello "$result"

  result=$(environment test-ns $POD SECRET_USERNAME)
  assert_equal hello1 "$result"

  run wait_for_process $WAIT_TIME $SLEEP_TIME "compare_owner_count foosecret test-ns 1"
  assert_success
}

@test "Test Namespaced scope SecretProviderClass - Sync with K8s secrets - delete deployment, check secret deleted" {
  run kubectl delete deployment busybox-deployment -n test-ns
  assert_success

  run wait_for_process $WAIT_TIME $SLEEP_TIME "secret_gone foosecret test-ns"
  assert_success
}

@test "Test Namespaced scope SecretProviderClass - Should fail when no secret provider class in same namespace" {
  kubectl create ns negative-test-ns
  credentials negative-test-ns

  apply deployment-synck8s.yaml -n negative-test-ns

  cmd="kubectl get events -n negative-test-ns | grep 'FailedMount.*failed to get secretproviderclass negative-test-ns/ovhcloud-foo-sync.*not found'"
  wait_for_process $WAIT_TIME $SLEEP_TIME "$cmd"

  run kubectl delete ns negative-test-ns
  assert_success
}

@test "deploy multiple ovhcloud secretproviderclass crd" {
  apply ovhcloud_v1_multiple_secretproviderclass.yaml
  kubectl get secretproviderclass ovhcloud-foo-sync-0 ovhcloud-foo-sync-1
}

@test "deploy pod with multiple secret provider class" {
  apply pod-ovhcloud-inline-volume-multiple-spc.yaml
  kubectl wait --for=condition=Ready --timeout=${WAIT_TIME}s pod/secrets-store-inline-multiple-crd
}

@test "CSI inline volume test with multiple secret provider class" {
  local pod=secrets-store-inline-multiple-crd i
  for i in 0 1; do
    result=$(kubectl exec $pod -- cat /mnt/secrets-store-$i/bar)
    assert_equal hello "$result"

    result=$(kubectl exec $pod -- cat /mnt/secrets-store-$i/bar1)
    assert_equal hello1 "$result"

    secret_is foosecret-$i pwd hello

    result=$(environment default $pod SECRET_USERNAME_$i)
    assert_equal hello1 "$result"

    run wait_for_process $WAIT_TIME $SLEEP_TIME "compare_owner_count foosecret-$i default 1"
    assert_success
  done
}

@test "Validate metrics" {
  local metrics driver
  for driver in $(kubectl get pod -n kube-system -l app=secrets-store-csi-driver -o jsonpath="{.items[*].metadata.name}"); do
    metrics=$(kubectl get --raw "/api/v1/namespaces/kube-system/pods/$driver:8095/proxy/metrics")
    assert_match 'node_publish_total\{.*provider="ovhcloud"' "$metrics"
    assert_match node_unpublish_total "$metrics"
    assert_match rotation_reconcile_total "$metrics"
  done
}

teardown_file() {
  archive_info || true
  kubectl delete --ignore-not-found --wait=false ns test-ns negative-test-ns || true
  kubectl delete --ignore-not-found pod/secrets-store-inline-multiple-crd pod/secrets-store-inline pod/secrets-store-rotation || true
  kubectl delete --ignore-not-found secretproviderclass ovhcloud-foo ovhcloud-foo-sync ovhcloud-foo-sync-0 ovhcloud-foo-sync-1 ovhcloud-rotation || true
  kubectl delete --ignore-not-found secret/okms-credentials || true
}
