package provider

import (
	"fmt"
	"regexp"

	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/okms"
)

// vaultPath is what clients and guides of Vault put in front of the path of a secret: the
// address, the API, the mount and the kind of read.
var vaultPath = regexp.MustCompile(`^(?:https?://[^/]+)?/*` +
	`((?:api/[0-9a-fA-F-]{36}/)?(?:v1/secret/|v2/secret/|v1/|secret/)?(?:(?:data|metadata)/)?)(.+)$`)

// pathWithoutVault splits what belongs to Vault's API off a path. dropped is empty where
// nothing does. A secret of OKMS can have such a path: this is for one that is not found.
func pathWithoutVault(path string) (dropped, rest string) {
	m := vaultPath.FindStringSubmatch(path)
	if m == nil || m[1] == "" || pathError(m[2]) != nil {
		return "", path
	}
	return path[:len(path)-len(m[2])], m[2]
}

// vaultHint says what to drop of a path that is written as for Vault, "" for any other.
func vaultHint(path string) string {
	dropped, rest := pathWithoutVault(path)
	if dropped == "" {
		return ""
	}
	return fmt.Sprintf("drop %s: the path is %s", plainPath(dropped), rest)
}

// allowedHint says what to drop of a path that is written as for Vault and not allowed, if
// the rest of it is.
func allowedHint(grant connections.Grant, path string) string {
	if dropped, rest := pathWithoutVault(path); dropped == "" || !grant.Allows(rest) {
		return ""
	}
	return "; " + vaultHint(path)
}

// plainPath shows the front of a path as it is written: it is of signs that paths have.
func plainPath(path string) string {
	if pathError(path+"x") == nil {
		return path
	}
	return message.Quote(path)
}

// withPathHint returns what to do about a read that failed: where there is no secret at a
// path that is written as for Vault, what to drop of it.
func withPathHint(e *okms.Error, path, advice string) string {
	if hint := vaultHint(path); hint != "" && e.Kind == failure.SecretAbsent {
		return hint
	}
	return advice
}
