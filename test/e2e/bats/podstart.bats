#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

# How long pods take to start: `make podstart`. It needs minutes and a quiet machine, so
# run without arguments leaves it out.

load scenarios

@test "pods start with and without secrets: how long it takes, and whose share it is" {
  [ -n "${OWN_NODE:-}" ] || skip "clocks are compared, so the node must be this machine (OWN_NODE)"
  # What is cached stays so until all pods have started: a part of the time is random.
  install_provider --set cacheTTL=24h
  # shellcheck disable=SC2086
  run env -C "$ROOT" go run ./test/podstart -namespace $NS -endpoint "https://$(host):18443" -okms $OKMS_ID \
    -image "${CLOCK_IMAGE:-localhost/clock:e2e}" $PODSTART
  echo "$output" | sed 's/^/# /' >&3
  [ "$status" = 0 ]
}
