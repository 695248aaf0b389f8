package class

import "ovhcloud-csi-provider/provider/place"

// The parameters of a SecretProviderClass.
const (
	paramRegion     = place.FieldRegion
	ParamEndpoint   = place.FieldEndpoint
	paramOKMSID     = place.FieldOKMSID
	paramCABundle   = place.FieldCABundle
	paramAPI        = place.FieldAPI
	ParamObjects    = "objects"
	ParamConnection = "connection"
	paramRefresh    = "refreshInterval"
)

var parameters = []string{ParamConnection, paramRegion, ParamEndpoint, paramOKMSID, paramCABundle, paramAPI, paramRefresh, ParamObjects}

// CredentialSource names in messages where the credentials of a mount come from.
const CredentialSource = "nodePublishSecretRef"
