#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

# Programs that read their passwords from environment variables only, without a
# Kubernetes Secret.

load scenarios

# logged POD LINE: succeeds if a line of the pod's log is LINE.
logged() { kubectl logs -n $NS "$1" | grep -Fx -- "$2"; }

@test "ovhcsi exec in an image without a shell: a program gets the new value by a restart in its container" {
  secret scenarios/exec first
  class exec "{secretPath: scenarios/exec, secretKey: user, objectName: APP_USER}"
  kubectl apply -f - <<YAML
apiVersion: v1
kind: Pod
metadata: {name: exec, namespace: $NS}
spec:
  restartPolicy: Never
  containers:
    - name: main
      image: $PROGRAM_IMAGE
      imagePullPolicy: IfNotPresent
      args: [exec, --env-dir, /secrets, --restart, --, /program]
      securityContext:
        {runAsUser: 65532, runAsNonRoot: true, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
      volumeMounts:
        - {name: secrets, mountPath: /secrets, readOnly: true}
  volumes:
    - name: secrets
      csi:
        driver: secrets-store.csi.k8s.io
        readOnly: true
        volumeAttributes: {secretProviderClass: exec}
        nodePublishSecretRef: {name: credential}
YAML
  soon logged exec APP_USER=first
  secret scenarios/exec second
  soon logged exec APP_USER=second
  # The program left an orphan behind each time; ovhcsi, process 1, has reaped the first.
  [ "$(kubectl logs -n $NS exec | grep -c '^zombies: 0$')" = 2 ]
  [ "$(kubectl get pod exec -n $NS -o jsonpath='{.status.containerStatuses[0].restartCount}')" = 0 ]
  # SIGTERM reaches the program: it ends at once, with its own exit code.
  kubectl delete pod exec -n $NS --timeout=15s
}

# etcd_has TEXT: succeeds if etcd's files contain TEXT.
etcd_has() { grep -rqaF -- "$1" /var/lib/ovhcsi-cluster/etcd; }

@test "fileKeyRef: fifty variables in an unmodified image, and none of their values in etcd" {
  [ "$(kubectl version -o json | jq -r .serverVersion.minor)" -ge 35 ] || skip "fileKeyRef needs Kubernetes 1.35"
  local planted variables
  planted=planted$RANDOM$RANDOM
  jq -n --arg planted $planted '[range(50) | {key: "APP_\(.)", value: "\($planted)-\(.)"}] | from_entries' | okms put secrets/scenarios/fifty
  class fifty "{secretPath: scenarios/fifty, format: env, objectName: fifty.env}"
  variables=$(jq -nc '[range(50) | {name: "APP_\(.)", valueFrom: {fileKeyRef: {volumeName: "env", path: "fifty.env", key: "APP_\(.)"}}}]')
  kubectl apply -f - <<YAML
apiVersion: v1
kind: Pod
metadata: {name: fifty, namespace: $NS}
spec:
  terminationGracePeriodSeconds: 0
  initContainers:
    - name: copy
      image: $PROGRAM_IMAGE
      imagePullPolicy: IfNotPresent
      args: [exec, --volume, /secrets, --copy-to, /env]
      volumeMounts:
        - {name: secrets, mountPath: /secrets, readOnly: true}
        - {name: env, mountPath: /env}
  containers:
    - name: main
      image: $BUSYBOX_IMAGE
      imagePullPolicy: IfNotPresent
      command: [sleep, "1000000"]
      env: $variables
  volumes:
    - name: env
      emptyDir: {medium: Memory}
    - name: secrets
      csi:
        driver: secrets-store.csi.k8s.io
        readOnly: true
        volumeAttributes: {secretProviderClass: fifty}
        nodePublishSecretRef: {name: credential}
YAML
  kubectl wait -n $NS --for=condition=Ready --timeout=${WAIT}s pod/fifty
  kubectl exec -n $NS fifty -- env | grep ^APP_ | sort >"$BATS_TEST_TMPDIR/has"
  for ((i = 0; i < 50; i++)); do echo "APP_$i=$planted-$i"; done | sort | diff - "$BATS_TEST_TMPDIR/has"
  if [ -n "${OWN_NODE:-}" ]; then
    kubectl create secret generic control -n $NS --from-literal=user="control-$planted"
    etcd_has "control-$planted"
    ! etcd_has "$planted-"
  fi
}
