// SPDX-License-Identifier: Apache-2.0

package class

import (
	"sync"

	"ovhcloud-csi-provider/provider/nearest"
)

// adviseField returns what to do about an unknown field, and the field that is given if
// this is done.
func adviseField(v nearest.Vocabulary, name string) (advice, meant string) {
	// The path of a file, or of a secret if a file name or a key is given too. With a property, key is the path.
	named := v.Taken["objectName"] || v.Taken["name"] || v.Taken["fileName"]
	keyed := v.Taken["key"] && !v.Taken["property"]
	if ofSecret := !v.Taken["secretPath"] && v.Taken["path"] && (named || keyed); ofSecret {
		switch nearest.Canonical(name) {
		case "path":
			name = "secret_path"
		case "key":
			name = "secret_key"
		}
	}
	advice, meant = v.Advise(name)
	if meant == "encoding" && !v.Taken["secretKey"] && !v.Taken["allKeys"] {
		advice += " It applies to the value of a key: give secretKey or allKeys too"
	}
	return advice, meant
}

// parameterConflicts are the parameters that cannot be combined. CredentialSource is the
// credentials of the mount.
var parameterConflicts = map[string][]string{
	paramRegion:     {ParamEndpoint, ParamConnection},
	ParamEndpoint:   {paramRegion, ParamConnection},
	paramOKMSID:     {ParamConnection},
	paramCABundle:   {ParamConnection},
	paramAPI:        {ParamConnection},
	ParamConnection: {paramRegion, ParamEndpoint, paramOKMSID, paramCABundle, paramAPI, CredentialSource},
}

// Cures for names that have no counterpart.
const (
	noLogins = "drop it: OKMS has no Kubernetes logins and no roles; " +
		"the credential comes from nodePublishSecretRef or a connection"
	noIdentity = "drop it: OKMS has no workload identities; " +
		"the credential comes from nodePublishSecretRef or a connection"
	noDomain    = "drop it: region and okmsId, or a connection, say where the secrets are"
	noFileOfCA  = "drop it: the provider reads no file of the pod; write the certificates themselves, as PEM, in caBundle"
	noSkip      = "drop it: the server's certificate is always checked; write its certificate authority in caBundle"
	noClientPEM = "drop it: credentials do not belong in a class; " +
		"put tls.crt and tls.key in the Secret of nodePublishSecretRef"
	noToken     = "drop it: credentials do not belong in a class; put them in the Secret of nodePublishSecretRef"
	noType      = "drop it: everything in Secret Manager is a secret; there are no other types"
	noArguments = "drop it: OKMS takes no arguments with a read"
	noRetry     = "drop it: only a connection can have a fallback, and the cluster's administrator sets that up"
	noOwner     = "drop it: files belong to root, and fsGroup has no effect; for a container that is not root, " +
		"set filePermission: \"0444\""
	ofObjects  = "move it into an entry of objects, as in - secretPath: …"
	ofClass    = "move it up, next to objects: it holds for all of them"
	ofOperator = "drop it: it belongs in the provider's file of connections"
	noPolicy   = "drop it: values are written as they are stored"
)

// parameterSynonyms are names of the parameters in other providers, by canonical name.
var parameterSynonyms = sync.OnceValue(func() map[string]nearest.Synonym {
	return covering(nearest.Synonyms(map[string]string{
		ParamEndpoint: "vaultAddress vaultAddr vaultUrl vaultUri address addr url uri server host hostname serverUrl " +
			"baseUrl keyvaultUrl okmsEndpoint okmsUrl apiUrl",
		paramRegion: "okmsRegion location awsRegion zone",
		paramOKMSID: "okms kmsId domain domainId okmsDomain okmsDomainId okmsUuid uuid",
		paramCABundle: "vaultCACertPEM vaultCACert caCert caCerts caCertificate caCertificates ca cacertPEM caProvider " +
			"caPem rootCA",
		paramAPI:        "apiVersion okmsApi vaultApiVersion kvVersion",
		ParamObjects:    "secrets data array items",
		paramRefresh:    "rotationPollInterval pollInterval refresh",
		ParamConnection: "secretStore secretStoreRef clusterSecretStore store connectionName",
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
		noToken:    "token tokenSecretRef clientSecret accessToken vaultToken apiKey nodePublishSecretRef",
		noRetry:    "failoverRegion failover fallback",
		noPolicy:   "pathTranslation preferredAddressType",
		ofOperator: "allow maxStale credentialsDir",
		ofObjects: "secretPath secretKey objectName allKeys find objectVersion objectVersionHistory encoding " +
			"filePermission " +
			"optional",
		"move it up, next to parameters: it is spec.secretObjects": "secretObjects",
		"move it up, next to parameters: it is spec.provider":      "provider",
	}), ofObjects, ParamObjects)
})

// remoteRef is the cure for the remoteRef of External Secrets Operator.
const remoteRef = "write its key as secretPath, and its property as secretKey"

// covering returns a table in which the cure gives a field that is required.
func covering(table map[string]nearest.Synonym, cure, field string) map[string]nearest.Synonym {
	for name, s := range table {
		if s.Cure == cure {
			s.Covers = field
			table[name] = s
		}
	}
	return table
}

// fieldSynonyms are names of the fields of an object in other programs, by canonical name.
var fieldSynonyms = sync.OnceValue(func() map[string]nearest.Synonym {
	counterparts := map[string]string{"secretPath secretKey": "key"} // of the one that is free
	for _, f := range fields {
		counterparts[f.Name] = f.Synonyms
	}
	return covering(nearest.Synonyms(counterparts, map[string]string{
		noType:      "objectType type kind secretType",
		noArguments: "secretArgs args arguments method",
		noOwner:     "owner group uid gid user fsGroup",
		ofClass:     "region endpoint okmsId caBundle",
		"drop it: without optional: true, every object is required": "required mandatory",
		noRetry:   "failoverObject",
		noPolicy:  "conversionStrategy metadataPolicy nullBytePolicy",
		remoteRef: "remoteRef",
	}), remoteRef, "secretPath")
})
