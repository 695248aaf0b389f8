package class

import "ovhcloud-csi-provider/provider/place"

// The parameters of a SecretProviderClass.
const (
	paramRegion     = place.FieldRegion
	ParamEndpoint   = place.FieldEndpoint
	paramOKMSID     = place.FieldOKMSID
	paramCABundle   = place.FieldCABundle
	ParamObjects    = "objects"
	ParamConnection = "connection"
)

var parameters = []string{ParamConnection, paramRegion, ParamEndpoint, paramOKMSID, paramCABundle, ParamObjects}

// CredentialSource is where the credentials of a mount come from, in messages.
const CredentialSource = "nodePublishSecretRef"
