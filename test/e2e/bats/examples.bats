#!/usr/bin/env bats

# The files of manifests/examples, as they are: only the address of the store,
# images and the node are put in.

load scenarios

# example FILE: applies one.
example() {
  kubectl create -n $NS --dry-run=client -o json -f "$ROOT/manifests/examples/$1" |
    jq --arg endpoint "https://$(host):18443" --arg ca "$(okms get ca.pem)" --arg busybox "$BUSYBOX_IMAGE" \
      --arg private "$PRIVATE_IMAGE" --arg node "$(node)" '
      def pod: .nodeName = $node | .containers |= map(
        if .image == "busybox" then .image = $busybox | .imagePullPolicy = "IfNotPresent"
        else .image = $private | .imagePullPolicy = "Always" end);
      (if .kind == "List" then .items[] else . end) |
      if .kind == "SecretProviderClass" and (.spec.parameters | has("region")) then
        .spec.parameters |= (del(.region) | .endpoint = $endpoint | .caBundle = $ca)
      elif .kind == "Pod" then .spec |= pod
      elif .kind == "Deployment" then .spec.template.spec |= pod
      else . end' | kubectl apply -n $NS -f -
}

ready() { kubectl wait -n $NS --for=condition=Ready --timeout=${WAIT}s "pod/$1"; }
# reads POD FILE VALUE
reads() { [ "$(kubectl exec -n $NS "$1" -- cat "/secrets/$2")" = "$3" ]; }

DB='{"user": "kevin", "password": "first"}'

@test "each example is the subject of a scenario" {
  local file
  for file in "$ROOT"/manifests/examples/*; do
    grep -qE "^  example $(basename "$file")\$" "$BATS_TEST_FILENAME" || { echo "no scenario uses $file"; return 1; }
  done
}

@test "files.yaml: the whole secret, one key, a mode" {
  echo "$DB" | okms put secrets/prod/shop/db
  credential okms-credentials e2e-token
  example files.yaml
  ready shop
  reads shop db.json "$DB"
  reads shop db/password first
  [ "$(kubectl exec -n $NS shop -- stat -L -c %a /secrets/db/password)" = 440 ]
}

@test "certificate.yaml: an access certificate, a file for every key" {
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

@test "mirror.yaml: a Secret for environment variables, which goes with the last pod" {
  echo "$DB" | okms put secrets/prod/shop/db
  credential okms-credentials e2e-token
  example mirror.yaml
  kubectl rollout status -n $NS deployment/shop-mirrored --timeout=${WAIT}s
  [ "$(kubectl exec -n $NS deployment/shop-mirrored -- sh -c 'echo $DB_USER')" = kevin ]
  [ "$(kubectl get secret shop-db -n $NS -o jsonpath='{.data.password}' | base64 -d)" = first ]
  # The driver makes the Secret first and its owner second; one without stays.
  owned() { kubectl get secret shop-db -n $NS -o jsonpath='{.metadata.ownerReferences[*].kind}' | grep ReplicaSet; }
  soon owned
  kubectl delete deployment shop-mirrored -n $NS
  mirror_gone() { ! kubectl get secret shop-db -n $NS; }
  soon mirror_gone
}

@test "connection.yaml: a credential that the provider holds" {
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

# A registry on the node. containerd takes a registry at localhost for one without
# TLS, so nothing needs to be set up for it.
PRIVATE_IMAGE=localhost:18446/private:1
registry() {
  # The password is "stories", in bcrypt with the least cost.
  kubectl create configmap registry -n $NS --from-literal=htpasswd='kevin:$2a$04$eX5Ky/dOCyBAUR2IvBBg2uULOoF6l1RNzuu3AiRmHZfVO9mZ3eJh6'
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

# private NAME SPEC: a pod of the private image, pulled anew.
private() {
  kubectl apply -n $NS -f - <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  nodeName: $(node)
  terminationGracePeriodSeconds: 0
  imagePullSecrets: [{name: registry}]
  containers:
    - name: main
      image: $PRIVATE_IMAGE
      imagePullPolicy: Always
      command: [sleep, "1000000"]
      ${2:-}
YAML
}
# pull_says POD TEXT: the event of an image that could not be pulled.
pull_says() { kubectl get events -n $NS --field-selector "involvedObject.name=$1,reason=Failed" -o json | jq -r '.items[].message' | grep -iE "$2"; }

# OVHcloud's own guide, with files instead of External Secrets Operator.
@test "imagepullsecret.yaml: a private registry's credentials, kept in Secret Manager" {
  [ -n "${REGISTRY_IMAGE:-}" ] || skip "no image of a registry: docker-registry was not installed where test/e2e/images ran"
  registry
  credential okms-credentials e2e-token
  jq -n --arg auth "$(printf kevin:stories | base64)" '{auths: {"localhost:18446": {auth: $auth}}}' >"$BATS_TEST_TMPDIR/config.json"
  okms put secrets/prod/va1/dockerconfigjson <"$BATS_TEST_TMPDIR/config.json"

  # Without the Secret, a pull is denied.
  private stranger
  soon pull_says stranger "authorization failed|unauthorized|no basic auth|401"

  # The keeper mounts the volume, and with that makes the Secret.
  example imagepullsecret.yaml
  ready registry-keeper
  ready private
  [ "$(kubectl get secret registry -n $NS -o jsonpath='{.type}')" = kubernetes.io/dockerconfigjson ]
  ready stranger

  # The hen and the egg: a pod that pulls with the Secret of its own volume. Mounts
  # come before pulls, so it waits a while and starts by itself.
  kubectl delete pod private stranger registry-keeper -n $NS
  registry_gone() { ! kubectl get secret registry -n $NS; }
  soon registry_gone
  private both 'volumeMounts: [{name: registry, mountPath: /registry, readOnly: true}]
  volumes: [{name: registry, csi: {driver: secrets-store.csi.k8s.io, readOnly: true, volumeAttributes: {secretProviderClass: registry}, nodePublishSecretRef: {name: okms-credentials}}}]'
  ready both
}
