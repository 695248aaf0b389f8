#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

# What the provider tells Kubernetes, where its options say so.

load scenarios

# The event SecretsRenewed follows after five minutes at the earliest: see docs/operating.md.
@test "events: a renewal that fails" {
  install_provider --set events.enabled=true
  secret scenarios/told first
  class told
  credential told e2e-token
  pod told told
  runs told first
  credential told no-such-token
  soon renewal told SecretsNotRenewed "OKMS refused the token"
  has told first
  install_provider
}

# tainted: succeeds if the store's node has the taint.
tainted() { kubectl get node "$(node)" -o json | jq -e '.spec.taints // [] | any(.key == "ovhcloud-csi-provider/not-ready")'; }
untainted() { ! tainted; }

@test "startup taint: removed by the provider when pods with secrets can start" {
  kubectl taint node "$(node)" ovhcloud-csi-provider/not-ready=:NoSchedule
  install_provider
  tainted # which the provider leaves alone without the option
  install_provider --set startupTaint=ovhcloud-csi-provider/not-ready
  soon untainted
  install_provider
}
