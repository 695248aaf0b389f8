// SPDX-License-Identifier: Apache-2.0

package class

import (
	"fmt"
	"regexp"

	"ovhcloud-csi-provider/provider/message"
)

// vaultPath is what clients and guides of Vault put before the path of a secret: the
// address, the API, the mount path and the kind of read.
var vaultPath = regexp.MustCompile(`^(?:https?://[^/]+)?/*` +
	`((?:api/[0-9a-fA-F-]{36}/)?(?:v1/secret/|v2/secret/|v1/|secret/)?(?:(?:data|metadata)/)?)(.+)$`)

// PathWithoutVault splits the part of Vault's API off a path. dropped is empty if there is
// none. A secret in OKMS can have such a path: use this only for paths at which there is no
// secret.
func PathWithoutVault(path string) (dropped, rest string) {
	m := vaultPath.FindStringSubmatch(path)
	if m == nil || m[1] == "" || PathError(m[2]) != nil {
		return "", path
	}
	return path[:len(path)-len(m[2])], m[2]
}

// VaultHint says what to drop of a path that is written as for Vault. It returns "" for any
// other path.
func VaultHint(path string) string {
	dropped, rest := PathWithoutVault(path)
	if dropped == "" {
		return ""
	}
	return fmt.Sprintf("drop %s: the path is %s", plainPath(dropped), rest)
}

// plainPath returns the beginning of a path without quotes if it has only characters of
// paths.
func plainPath(path string) string {
	if PathError(path+"x") == nil {
		return path
	}
	return message.Quote(path)
}
