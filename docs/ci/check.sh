#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Tests the chart without an account and without a cluster. It needs helm and ovhcsi.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

helm template shop chart --namespace shop >"$work/shop.yaml"

# Mistakes in the class and in the pods that mount it.
ovhcsi lint --namespace shop "$work/shop.yaml"

# The files that the pod would get, from secrets/ instead of the real domain.
ovhcsi emulator --seed secrets -- ovhcsi render "$work/shop.yaml" --emulator --to "$work/files"

# What the program expects of them.
test "$(cat "$work/files/db/password")" = example
test "$(cat "$work/files/db/url")" = postgres://shop@db:5432/shop
