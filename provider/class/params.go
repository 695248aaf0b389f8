// SPDX-License-Identifier: Apache-2.0

package class

import (
	"slices"

	"ovhcloud-csi-provider/provider/place"
)

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

var parameters = []string{ParamConnection, paramRegion, ParamEndpoint, paramOKMSID, paramCABundle, paramAPI,
	paramRefresh, ParamObjects}

// Parameters returns the names of all parameters of a class.
func Parameters() []string { return slices.Clone(parameters) }

// CredentialSource names in messages where the credentials of a mount come from.
const CredentialSource = "nodePublishSecretRef"
