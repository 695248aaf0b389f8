#!/bin/bash -eu
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzz targets for libFuzzer, with the programs of OSS-Fuzz's image. Not those of test/formats, a module of
# its own, and of package main, which nothing can import.
cd "$SRC/ovhcloud-csi-provider"
grep -rEl --include='*_test.go' '^func Fuzz' provider cmd/ovhcsi | sort | while read -r file; do
  dir=$(dirname "$file")
  for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9]+)\(.*/\1/p' "$file"); do
    name=${dir//\//_}_$target
    compile_native_go_fuzzer_v2 "ovhcloud-csi-provider/$dir" "$target" "$name"
    # The program ends with 0 if it does not find the function.
    test -x "$OUT/$name" || { echo "$file: $target was not built" >&2; exit 1; }
  done
done
