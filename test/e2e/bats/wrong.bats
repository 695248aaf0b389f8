#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

# Failed mounts, as a user of kubectl sees them: the pod waits, its event gives the
# reason, it never runs with an empty volume, and it starts by itself after the cause is
# fixed.

load scenarios

@test "revoked token" {
  secret scenarios/revoked first
  echo '{"token": "revoked-token"}' | okms post tokens
  revoke revoked-token
  class revoked
  credential revoked revoked-token
  pod revoked revoked
  refused revoked "OKMS refused the token"
  echo '{"token": "revoked-token"}' | okms post tokens
  runs revoked first
}

@test "missing IAM permission" {
  secret scenarios/denied first
  class denied
  echo '{"token": "denied-token", "actions": ["okms:apikms:secret/get"]}' | okms post tokens
  credential denied denied-token
  pod denied denied
  refused denied "grant its identity the IAM action okms:apikms:secret/version/getData"
  echo '{"token": "denied-token"}' | okms post tokens
  runs denied first
}

@test "secret that does not exist" {
  class absent
  pod absent
  refused absent "OKMS has no such secret"
  secret scenarios/absent first
  runs absent first
}

@test "deactivated version" {
  secret scenarios/deactivated first
  echo '{"path": "scenarios/deactivated", "version": 1, "state": "deactivated"}' | okms post state
  class deactivated
  pod deactivated
  refused deactivated "version 1 is deactivated"
  echo '{"path": "scenarios/deactivated", "version": 1, "state": "active"}' | okms post state
  runs deactivated first
}

@test "misspelt field in the class" {
  secret scenarios/typo first
  class typo "{secretPath: scenarios/typo, secretkey: user, objectName: user}"
  pod typo
  refused typo "secretKey"
  class typo
  runs typo first
}

@test "untrusted certificate of the store" {
  secret scenarios/untrusted first
  class untrusted "" "" ""
  pod untrusted
  refused untrusted "give its certificate authority in caBundle"
  class untrusted
  runs untrusted first
}

@test "missing Secret of the credential" {
  secret scenarios/uncredited first
  class uncredited
  pod uncredited uncredited
  refused uncredited 'secrets "uncredited" not found'
  credential uncredited e2e-token
  runs uncredited first
}

@test "store that answers 503" {
  secret scenarios/faulty first
  class faulty
  echo '{"status": 503, "path": "scenarios/faulty"}' | okms post faults
  pod faulty
  refused faulty "kubelet tries again"
  okms delete faults
  runs faulty first
}
