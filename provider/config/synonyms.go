// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"sync"

	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/place"
)

// Names of the fields of a connection, without those of its domain (place.Fields).
const (
	fieldDir      = "credentialsDir"
	fieldAllow    = "allow"
	fieldMaxStale = "maxStale"
	fieldFallback = "fallback"
	// fieldOfChart replaces credentialsDir in the values of the chart, which people check by
	// mistake.
	fieldOfChart = "existingSecret"
)

// fieldConflicts are the fields of a connection that cannot be combined.
var fieldConflicts = map[string][]string{place.FieldRegion: {place.FieldEndpoint},
	place.FieldEndpoint: {place.FieldRegion}}

// Cures for fields of other products that have no counterpart in the file of connections.
const (
	credentialsAreFiles = "drop it: credentials do not belong in this file; put them into files of " + fieldDir
	onlyAllowed         = "drop it: everything that allow does not list is denied"
	onlyReads           = "drop it: a connection only reads"
)

// fileSynonyms are other names of the fields of the file: those of External Secrets Operator's
// stores, Vault's policies and RBAC.
var fileSynonyms = sync.OnceValue(func() map[string]nearest.Synonym {
	return nearest.Synonyms(map[string]string{
		"connections":       "connection stores secretStores clusterSecretStores",
		place.FieldEndpoint: "vaultAddress vaultAddr server address url uri host okmsUrl",
		place.FieldRegion:   "location okmsRegion",
		place.FieldOKMSID:   "okms kmsId domain domainId okmsDomain uuid id",
		place.FieldCABundle: "caProvider caCert caCertificate ca rootCA certificateAuthority",
		place.FieldAPI:      "okmsApi apiFamily vaultVersion vaultApiVersion kvVersion",
		fieldDir:            "credentials credentialDir credentialsPath credentialsFolder secretDir secretsDir dir folder",
		fieldMaxStale:       "maxStaleness staleFor maxAge",
		fieldFallback:       "failover failoverRegion secondary backup",
		fieldAllow:          "rules policy policies conditions allowed allowList grants access permissions",
		"namespaces":        "namespace ns namespaceSelector",
		"serviceAccounts":   "serviceAccount accounts account sa subjects users",
		"paths":             "path secretPath secretPaths secrets secret keys key prefix prefixes resources resourceNames",
	}, map[string]string{
		credentialsAreFiles: "token clientId clientSecret tokenUrl tls.crt tls.key auth tokenSecretRef secretRef " +
			"secretName credentialsRef",
		onlyAllowed: "deny denied except exclude",
		onlyReads:   "verbs actions capabilities write",
	})
})

// adviseOn returns the cure for an unknown field of a map, and the valid field that it is probably
// meant to be, "" if none is near. taken are the fields that the map has. Fields of other parts
// of the file are not suggested.
func adviseOn(name string, valid []string, taken map[string]bool) (advice, meant string) {
	v := nearest.Vocabulary{Valid: valid, Synonyms: map[string]nearest.Synonym{}, Taken: taken, Conflicts: fieldConflicts}
	s, known := fileSynonyms()[nearest.Canonical(name)]
	if known && (len(s.Names) == 0 || slices.Contains(valid, s.Names[0])) {
		v.Synonyms[nearest.Canonical(name)] = s
	}
	return v.Advise(name)
}
