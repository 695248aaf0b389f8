#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

# The files of manifests/examples. Only the address of the store, the images and the node
# are replaced.

load scenarios

# example FILE: applies a file of manifests/examples.
example() { adapted <"$ROOT/manifests/examples/$1"; }
# adapted: applies manifests from stdin, with the address of the store, the images and the node of these scenarios.
adapted() {
  kubectl create -n $NS --dry-run=client -o json -f - |
    jq --arg endpoint "https://$(host):18443" --arg ca "$(okms get ca.pem)" --arg busybox "$BUSYBOX_IMAGE" \
      --arg private "$PRIVATE_IMAGE" --arg node "$(node)" '
      def image: if .image == "busybox" then .image = $busybox | .imagePullPolicy = "IfNotPresent"
        else .image = $private | .imagePullPolicy = "Always" end;
      def pod: .nodeName = $node | .containers |= map(image) |
        if has("initContainers") then .initContainers |= map(image) else . end;
      (if .kind == "List" then .items[] else . end) |
      if .kind == "SecretProviderClass" and (.spec.parameters | has("region")) then
        .spec.parameters |= (del(.region) | .endpoint = $endpoint | .caBundle = $ca)
      elif .kind == "Pod" then .spec |= pod
      elif .kind == "Deployment" then .spec.template.spec |= pod
      else . end' | kubectl apply -n $NS -f -
}

ready() { kubectl wait -n $NS --for=condition=Ready --timeout=${WAIT}s "pod/$1"; }
# reads POD FILE VALUE: succeeds if the file has this value.
reads() { [ "$(kubectl exec -n $NS "$1" -- cat "/secrets/$2")" = "$3" ]; }

DB='{"user": "kevin", "password": "first"}'

@test "each example has a scenario" {
  local file
  for file in "$ROOT"/manifests/examples/*; do
    grep -qE "^  example $(basename "$file")\$" "$BATS_TEST_FILENAME" || { echo "no scenario applies $file"; return 1; }
  done
}

@test "files.yaml: the whole secret, one key, a file mode" {
  echo "$DB" | okms put secrets/prod/shop/db
  credential okms-credentials e2e-token
  example files.yaml
  ready shop
  reads shop db.json "$DB"
  reads shop db/password first
  [ "$(kubectl exec -n $NS shop -- stat -L -c %a /secrets/db/password)" = 440 ]
}

@test "certificate.yaml: an access certificate, one file per key" {
  echo "$DB" | okms put secrets/prod/shop/db
  echo '{"name": "by-certificate"}' | okms post certificates >"$BATS_TEST_TMPDIR/pair"
  jq -r .certificate "$BATS_TEST_TMPDIR/pair" >"$BATS_TEST_TMPDIR/access.pem"
  jq -r .key "$BATS_TEST_TMPDIR/pair" >"$BATS_TEST_TMPDIR/access.key"
  kubectl create secret tls okms-certificate -n $NS --cert="$BATS_TEST_TMPDIR/access.pem" --key="$BATS_TEST_TMPDIR/access.key"
  example certificate.yaml
  ready shop-certificate
  reads shop-certificate db/user kevin
  reads shop-certificate db/password first
}

@test "mirror.yaml: a Secret for environment variables, deleted with the last pod" {
  echo "$DB" | okms put secrets/prod/shop/db
  credential okms-credentials e2e-token
  example mirror.yaml
  kubectl rollout status -n $NS deployment/shop-mirrored --timeout=${WAIT}s
  [ "$(kubectl exec -n $NS deployment/shop-mirrored -- sh -c 'echo $DB_USER')" = kevin ]
  [ "$(kubectl get secret shop-db -n $NS -o jsonpath='{.data.password}' | base64 -d)" = first ]
  # The driver creates the Secret first and sets its owner later. A Secret without an
  # owner would not be deleted.
  owned() { kubectl get secret shop-db -n $NS -o jsonpath='{.metadata.ownerReferences[*].kind}' | grep ReplicaSet; }
  soon owned
  kubectl delete deployment shop-mirrored -n $NS
  mirror_gone() { ! kubectl get secret shop-db -n $NS; }
  soon mirror_gone
}

@test "connection.yaml: a credential held by the provider" {
  echo "$DB" | okms put secrets/prod/shop/db
  credential okms-default e2e-token $RELEASE_NAMESPACE
  install_provider -f <(jq -n --arg endpoint "https://$(host):18443" --arg id $OKMS_ID --arg ca "$(okms get ca.pem)" --arg namespace "$NS" '{connections:
    {default: {endpoint: $endpoint, okmsId: $id, caBundle: $ca, existingSecret: "okms-default",
      allow: [{namespaces: [$namespace], serviceAccounts: ["*"], paths: ["prod/shop/*"]}]}}}')
  example connection.yaml
  ready shop-connection
  reads shop-connection password first
  install_provider
  kubectl delete secret okms-default -n $RELEASE_NAMESPACE
}

@test "find.yaml: every secret below a folder" {
  for path in search-on old/login-on off; do echo '{"v": "'$path'"}' | okms put secrets/prod/features/$path; done
  credential okms-credentials e2e-token
  example find.yaml
  ready shop-find
  reads shop-find features/search-on '{"v": "search-on"}'
  reads shop-find features/old/login-on '{"v": "old/login-on"}'
  ! reads shop-find features/off '{"v": "off"}'
}

@test "template.yaml: one file of several secrets" {
  echo "$DB" | okms put secrets/prod/shop/db
  echo '{"host": "db.example", "pool": 5}' | okms put secrets/prod/shop/app
  credential okms-credentials e2e-token
  example template.yaml
  ready shop-template
  reads shop-template app.toml 'url = "postgres://kevin:first@db.example/shop"
pool = 5'
}

@test "variables.yaml: variables without a Secret" {
  echo "$DB" | okms put secrets/prod/shop/db
  credential okms-credentials e2e-token
  example variables.yaml
  ready shop-variables
  [ "$(kubectl exec -n $NS shop-variables -- sh -c 'tr "\\0" "\\n" </proc/1/environ | grep ^password=')" = password=first ]
}

@test "filekeyref.yaml: variables in an unmodified image" {
  [ "$(kubectl version -o json | jq -r .serverVersion.minor)" -ge 35 ] || skip "fileKeyRef needs Kubernetes 1.35"
  echo "$DB" | okms put secrets/prod/shop/db
  credential okms-credentials e2e-token
  example filekeyref.yaml
  ready shop-filekeyref
  [ "$(kubectl exec -n $NS shop-filekeyref -- sh -c 'echo $DB_USER $DB_PASSWORD')" = "kevin first" ]
}

@test "tls.yaml: a certificate in order, mirrored, and as a keystore" {
  jq -n --rawfile pem "$ROOT/provider/certificate/testdata/whole.pem" '{pem: $pem, password: "changeit"}' | okms put secrets/prod/shop/tls
  credential okms-credentials e2e-token
  example tls.yaml
  ready shop-tls
  [ "$(kubectl exec -n $NS shop-tls -- grep -c BEGIN /secrets/tls.crt)" = 2 ]
  [ "$(kubectl get secret shop-tls -n $NS -o jsonpath='{.type}')" = kubernetes.io/tls ]
  # The driver writes the key in a form of its own.
  [ "$(kubectl exec -n $NS shop-tls -- cat /secrets/tls.crt)" = "$(kubectl get secret shop-tls -n $NS -o jsonpath='{.data.tls\.crt}' | base64 -d)" ]
  kubectl get secret shop-tls -n $NS -o jsonpath='{.data.tls\.key}' | base64 -d | grep "PRIVATE KEY"
  [ "$(kubectl exec -n $NS shop-tls -- stat -L -c %s /secrets/keystore.p12)" -gt 500 ]
}

@test "versions.yaml: a version rolled back, and two side by side" {
  echo '{"password": "first"}' | okms put secrets/prod/shop/api
  echo '{"password": "second"}' | okms put secrets/prod/shop/api
  credential okms-credentials e2e-token
  example versions.yaml
  ready shop-versions
  reads shop-versions password second
  reads shop-versions passwords/0 second
  reads shop-versions passwords/1 first
}

@test "native.yaml: the native API" {
  echo "$DB" | okms put secrets/prod/shop/db
  credential okms-credentials e2e-token
  example native.yaml
  ready shop-native
  reads shop-native db "$DB"
}

# registry: starts a registry on the node. containerd uses a registry at localhost without
# TLS, so it needs no configuration.
PRIVATE_IMAGE=localhost:18446/private:1
registry() {
  # The password is "scenarios", hashed by bcrypt at the lowest cost.
  kubectl create configmap registry -n $NS --from-literal=htpasswd='kevin:$2a$04$iZvoabbJU8UY4khSLIkt.eDB7GWJhvaqb0Mj9Bsviag4QHfLTaSH6'
  kubectl apply -n $NS -f - <<YAML
apiVersion: v1
kind: Pod
metadata: {name: registry}
spec:
  hostNetwork: true
  nodeName: $(node)
  terminationGracePeriodSeconds: 0
  containers:
    - name: registry
      image: $REGISTRY_IMAGE
      imagePullPolicy: IfNotPresent
      env:
        - {name: REGISTRY_AUTH, value: htpasswd}
        - {name: REGISTRY_AUTH_HTPASSWD_REALM, value: scenarios}
        - {name: REGISTRY_AUTH_HTPASSWD_PATH, value: /auth/htpasswd}
      volumeMounts: [{name: auth, mountPath: /auth}]
  volumes:
    - {name: auth, configMap: {name: registry}}
YAML
  ready registry
}

# private NAME [SPEC [PULL_SECRET]]: applies a pod of the private image, which is always pulled.
private() {
  kubectl apply -n $NS -f - <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  nodeName: $(node)
  terminationGracePeriodSeconds: 0
  imagePullSecrets: [{name: "${3:-registry}"}]
  containers:
    - name: main
      image: $PRIVATE_IMAGE
      imagePullPolicy: Always
      command: [sleep, "1000000"]
      ${2:-}
YAML
}
# pull_says POD PATTERN: succeeds if the event of a failed pull matches.
pull_says() { kubectl get events -n $NS --field-selector "involvedObject.name=$1,reason=Failed" -o json | jq -r '.items[].message' | grep -iE "$2"; }

# The subject of OVHcloud's own guide, with this provider instead of External Secrets
# Operator.
@test "imagepullsecret.yaml: the credentials of a private registry, stored in Secret Manager" {
  [ -n "${REGISTRY_IMAGE:-}" ] || skip "there is no registry image: docker-registry was not installed where test/e2e/images ran"
  registry
  credential okms-credentials e2e-token
  jq -n --arg auth "$(printf kevin:scenarios | base64)" '{auths: {"localhost:18446": {auth: $auth}}}' >"$BATS_TEST_TMPDIR/config.json"
  okms put secrets/prod/va1/dockerconfigjson <"$BATS_TEST_TMPDIR/config.json"

  # Without the Secret the pull is refused.
  private stranger
  soon pull_says stranger "authorization failed|unauthorized|no basic auth|401"

  # registry-keeper mounts the volume, so the driver creates the Secret.
  example imagepullsecret.yaml
  ready registry-keeper
  ready private
  [ "$(kubectl get secret registry -n $NS -o jsonpath='{.type}')" = kubernetes.io/dockerconfigjson ]
  ready stranger

  # A pod can pull with the Secret that its own volume creates: kubelet mounts before it
  # pulls, so the pod waits for the Secret and then starts by itself.
  kubectl delete pod private stranger registry-keeper -n $NS
  registry_gone() { ! kubectl get secret registry -n $NS; }
  soon registry_gone
  private both 'volumeMounts: [{name: registry, mountPath: /registry, readOnly: true}]
  volumes: [{name: registry, csi: {driver: secrets-store.csi.k8s.io, readOnly: true, volumeAttributes: {secretProviderClass: registry}, nodePublishSecretRef: {name: okms-credentials}}}]'
  ready both
}

# The manifests are those of the guide, in cmd/ovhcsi/convert/testdata; only the namespace is replaced.
@test "the manifests of OVHcloud's guide for External Secrets Operator, converted: a pod pulls with the same Secret" {
  [ -n "${REGISTRY_IMAGE:-}" ] || skip "there is no registry image: docker-registry was not installed where test/e2e/images ran"
  kubectl get pod registry -n $NS || registry
  jq -n --arg auth "$(printf kevin:scenarios | base64)" '{auths: {"localhost:18446": {auth: $auth}}}' >"$BATS_TEST_TMPDIR/config.json"
  okms put secrets/prod/va1/dockerconfigjson <"$BATS_TEST_TMPDIR/config.json"
  credential ovhcloud-vault-token e2e-token
  mkdir "$BATS_TEST_TMPDIR/guide"
  (cd "$BATS_TEST_TMPDIR/guide" && awk '/^-- /{file = ($2 ~ /^in\//) ? substr($2, 4) : ""; next} file {print >file}' "$ROOT/cmd/ovhcsi/convert/testdata/guide.txtar")
  sed -i "s/namespace: external-secrets/namespace: $NS/" "$BATS_TEST_TMPDIR"/guide/*.yaml
  "$OVHCSI" convert "$BATS_TEST_TMPDIR/guide" >"$BATS_TEST_TMPDIR/class.yaml"
  "$OVHCSI" lint "$BATS_TEST_TMPDIR/class.yaml"
  adapted <"$BATS_TEST_TMPDIR/class.yaml"
  # The volume is the one of the comment that convert writes above the class.
  private guided 'volumeMounts: [{name: docker-config-secret, mountPath: /secrets/docker-config-secret, readOnly: true}]
  volumes: [{name: docker-config-secret, csi: {driver: secrets-store.csi.k8s.io, readOnly: true, volumeAttributes: {secretProviderClass: docker-config-secret}, nodePublishSecretRef: {name: ovhcloud-vault-token}}}]' ovhregistrycred
  ready guided
  [ "$(kubectl get secret ovhregistrycred -n $NS -o jsonpath='{.type}')" = kubernetes.io/dockerconfigjson ]
  kubectl get secret ovhregistrycred -n $NS -o jsonpath='{.data.\.dockerconfigjson}' | base64 -d | jq -S . | diff - <(jq -S . "$BATS_TEST_TMPDIR/config.json")
}
