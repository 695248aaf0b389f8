package class

import (
	"fmt"
	"regexp"

	"ovhcloud-csi-provider/provider/message"
)

// vaultPath is what clients and guides of Vault put in front of the path of a secret: the
// address, the API, the mount and the kind of read.
var vaultPath = regexp.MustCompile(`^(?:https?://[^/]+)?/*` +
	`((?:api/[0-9a-fA-F-]{36}/)?(?:v1/secret/|v2/secret/|v1/|secret/)?(?:(?:data|metadata)/)?)(.+)$`)

// PathWithoutVault splits what belongs to Vault's API off a path. dropped is empty where
// nothing does. A secret of OKMS can have such a path: this is for one that is not found.
func PathWithoutVault(path string) (dropped, rest string) {
	m := vaultPath.FindStringSubmatch(path)
	if m == nil || m[1] == "" || PathError(m[2]) != nil {
		return "", path
	}
	return path[:len(path)-len(m[2])], m[2]
}

// VaultHint says what to drop of a path that is written as for Vault, "" for any other.
func VaultHint(path string) string {
	dropped, rest := PathWithoutVault(path)
	if dropped == "" {
		return ""
	}
	return fmt.Sprintf("drop %s: the path is %s", plainPath(dropped), rest)
}

// plainPath shows the front of a path as it is written: it is of signs that paths have.
func plainPath(path string) string {
	if PathError(path+"x") == nil {
		return path
	}
	return message.Quote(path)
}
