package provider

import (
	"fmt"
	"strings"

	"ovhcloud-csi-provider/provider/nearest"
)

// synonym is what a name of another provider or of External Secrets Operator is here.
type synonym struct {
	names []string // in the order in which they are suggested; none if there is no counterpart
	why   string   // why there is none
}

// vocabulary is the names that are valid in one place, and those that are in use there.
type vocabulary struct {
	valid    []string
	synonyms map[string]synonym
	// taken are the names that are given, and those that were suggested for others: a
	// second suggestion of the same name would not work.
	taken map[string]bool
	// conflicts are the names that cannot be combined with a name.
	conflicts map[string][]string
}

// advise returns what to do about a name that is not valid, and the name that is
// suggested for it, "" if none is. It suggests no name that could not be used.
func (v vocabulary) advise(name string) (advice, meant string) {
	s, known := v.synonyms[canonical(name)]
	if known && len(s.names) == 0 {
		return "drop it: " + s.why, ""
	}
	if !known {
		near := nearest.Name(name, v.valid)
		if near == "" {
			return nearest.Suggestion(name, v.valid), ""
		}
		s.names = []string{near}
	}
	var why string
	for _, candidate := range s.names {
		obstacle := v.obstacle(candidate)
		if obstacle == "" {
			v.taken[candidate] = true
			return fmt.Sprintf("did you mean %q?%s", candidate, v.alsoNeeded(candidate)), candidate
		}
		if why == "" {
			why = obstacle
		}
	}
	return "drop it: " + why, ""
}

// obstacle returns why a valid name cannot be added, "" if it can.
func (v vocabulary) obstacle(name string) string {
	if v.taken[name] {
		return name + " is given already"
	}
	for _, other := range v.conflicts[name] {
		if v.taken[other] {
			return fmt.Sprintf("%s cannot be combined with %s", name, other)
		}
	}
	return ""
}

// alsoNeeded says what else must be given for a name to have a meaning.
func (v vocabulary) alsoNeeded(name string) string {
	if name != "encoding" || v.taken["secretKey"] || v.taken["allKeys"] {
		return ""
	}
	return " It applies to the value of a key: give secretKey or allKeys too"
}

// canonical is a name in the one spelling that the tables of synonyms have.
func canonical(name string) string {
	if len(name) > 64 {
		return ""
	}
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
}

// parameterConflicts are the parameters that cannot be combined.
// Credentials of the mount are credentialSource.
var parameterConflicts = map[string][]string{
	paramRegion:     {paramEndpoint, paramConnection},
	paramEndpoint:   {paramRegion, paramConnection},
	paramOKMSID:     {paramConnection},
	paramCABundle:   {paramConnection},
	paramConnection: {paramRegion, paramEndpoint, paramOKMSID, paramCABundle, credentialSource},
}

// fieldConflicts are the fields of an object that cannot be combined.
var fieldConflicts = map[string][]string{
	"secretKey": {"allKeys"},
	"allKeys":   {"secretKey"},
}

// Reasons for which names have no counterpart.
const (
	noLogins = "OKMS has no Kubernetes logins and no roles; " +
		"the credential comes from nodePublishSecretRef or a connection"
	noIdentity  = "OKMS has no workload identities; the credential comes from nodePublishSecretRef or a connection"
	noDomain    = "it has no counterpart; region and okmsId, or a connection, say where the secrets are"
	noFileOfCA  = "the provider reads no file of the pod; write the certificates themselves, as PEM, in caBundle"
	noSkip      = "the server's certificate is always checked; write its certificate authority in caBundle"
	noClientPEM = "credentials do not belong in a class; put tls.crt and tls.key in the Secret of nodePublishSecretRef"
	noToken     = "credentials do not belong in a class; put them in the Secret of nodePublishSecretRef"
	noType      = "everything in Secret Manager is a secret; there are no other types"
	noArguments = "OKMS takes no arguments with a read"
	noFormat    = "a file holds the bytes that OKMS holds; see encoding for base64 and hex"
	noRetry     = "it has no counterpart; the connection that the operator sets up can have a fallback"
	noPolicy    = "it has no counterpart; values are written as they are stored"
)

// parameterSynonyms are names of the parameters of other providers, by canonical name.
var parameterSynonyms = synonyms(map[string]string{
	paramEndpoint: "vaultAddress vaultAddr vaultUrl vaultUri address addr url uri server host hostname serverUrl " +
		"baseUrl keyvaultUrl okmsEndpoint okmsUrl apiUrl",
	paramRegion: "okmsRegion location awsRegion zone",
	paramOKMSID: "okms kmsId domain domainId okmsDomain okmsDomainId okmsUuid uuid",
	paramCABundle: "vaultCACertPEM vaultCACert caCert caCerts caCertificate caCertificates ca cacertPEM caProvider " +
		"caPem rootCA",
	paramObjects:    "secrets data array items",
	paramConnection: "secretStore secretStoreRef clusterSecretStore store connectionName",
}, map[string]string{
	noLogins: "roleName role vaultRole vaultRoleName vaultAuthMountPath vaultKubernetesMountPath vaultAuthMethod " +
		"vaultAuth authMethod authPath mountPath audience aud auth authType",
	noIdentity: "usePodIdentity useVMManagedIdentity userAssignedIdentityID useWorkloadIdentity clientID identity " +
		"podIdentity serviceAccountName serviceAccount workloadIdentity useAzureAD",
	noDomain: "vaultNamespace namespace tenantId tenant keyvaultName keyvault vaultName cloudName cloudEnvFileName " +
		"projectId project resourceGroup subscriptionId",
	noFileOfCA: "vaultCACertPath vaultCACertDirectory caPath caFile caCertPath",
	noSkip: "vaultSkipTLSVerify skipTLSVerify insecure insecureSkipVerify tlsSkipVerify vaultTLSServerName " +
		"tlsServerName",
	noClientPEM: "vaultTLSClientCertPath vaultTLSClientKeyPath clientCert clientKey clientCertPath clientKeyPath " +
		"tlsCert tlsKey",
	noToken:  "token tokenSecretRef clientSecret accessToken vaultToken apiKey nodePublishSecretRef",
	noRetry:  "failoverRegion failover fallback",
	noPolicy: "pathTranslation preferredAddressType",
	"it belongs next to parameters, as spec.secretObjects": "secretObjects",
	"it belongs next to parameters, as spec.provider":      "provider",
})

// fieldSynonyms are names of the fields of an object of other providers, by canonical name.
var fieldSynonyms = synonyms(map[string]string{
	"objectName":           "objectAlias fileName file path name alias filePath destination target dest as",
	"secretPath":           "secretName resourceName secret remoteKey secretId vaultPath keyPath",
	"secretPath secretKey": "key",
	"secretKey":            "property jmesPath extractJSONKey extractYAMLKey jsonPath jsonKey field secretField subKey",
	"filePermission":       "mode permission permissions fileMode filePermissions defaultMode perm chmod",
	"objectVersion":        "version objectVersionLabel versionId versionStage secretVersion versionNumber versionLabel",
	"encoding":             "objectEncoding decodingStrategy decode valueEncoding",
	"allKeys":              "extract dataFrom all wholeSecret",
	"optional":             "ignoreMissing allowMissing ignoreNotFound",
}, map[string]string{
	noType:      "objectType type kind secretType",
	noArguments: "secretArgs args arguments",
	noFormat:    "objectFormat outputFormat",
	noRetry:     "failoverObject",
	noPolicy:    "conversionStrategy metadataPolicy nullBytePolicy",
	"write its key as secretPath and its property as secretKey": "remoteRef",
})

// synonyms makes a table of its two halves: names that have counterparts, by these, and
// names that have none, by the reason.
func synonyms(counterparts, reasons map[string]string) map[string]synonym {
	table := map[string]synonym{}
	for valid, names := range counterparts {
		for name := range strings.FieldsSeq(names) {
			table[canonical(name)] = synonym{names: strings.Fields(valid)}
		}
	}
	for why, names := range reasons {
		for name := range strings.FieldsSeq(names) {
			table[canonical(name)] = synonym{why: why}
		}
	}
	return table
}
