// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"slices"

	"ovhcloud-csi-provider/cmd/ovhcsi/lint"
)

// Rule is a kind of finding. docs/doctor.md has a section for each, by its ID.
type Rule struct {
	ID       string
	Severity lint.Severity
	Category string
	Title    string
}

// The categories, in the order of the output.
const (
	kubernetes  = "Kubernetes"
	driver      = "Driver"
	provider    = "Provider"
	classes     = "Classes"
	pods        = "Pods"
	credentials = "Credentials"
	connections = "Connections"
	network     = "Network"
)

// The rules.
var (
	oldKubernetes = Rule{"OVH601", lint.Error, kubernetes, "Kubernetes is too old"}
	notPermitted  = Rule{"OVH602", lint.Note, kubernetes,
		"you may not read a kind of objects, so that something was not checked"}
	notRead    = Rule{"OVH603", lint.Warning, kubernetes, "a kind of objects could not be read"}
	noNode     = Rule{"OVH604", lint.Error, kubernetes, "the cluster has no node on which the provider can run"}
	noHostPath = Rule{"OVH605", lint.Error, kubernetes, "the namespace forbids directories of the node"}

	noDriver       = Rule{"OVH611", lint.Error, driver, "the Secrets Store CSI driver is not installed"}
	noKind         = Rule{"OVH612", lint.Error, driver, "the cluster has no kind SecretProviderClass"}
	oldDriver      = Rule{"OVH613", lint.Warning, driver, "the driver is older than 1.6"}
	driverNotReady = Rule{"OVH614", lint.Error, driver, "a pod of the driver is not ready"}
	noRotation     = Rule{"OVH615", lint.Warning, driver, "rotation is off"}
	asksRotation   = Rule{"OVH616", lint.Error, driver, "a class has refreshInterval, and rotation is off"}
	noMirroring    = Rule{"OVH617", lint.Error, driver, "a class has secretObjects, and the driver may not create Secrets"}

	noProvider       = Rule{"OVH621", lint.Error, provider, "the provider is not installed"}
	twoProviders     = Rule{"OVH622", lint.Error, provider, "two providers share a socket"}
	nodeLacks        = Rule{"OVH623", lint.Error, provider, "a node has the driver and not the provider"}
	providerNotReady = Rule{"OVH624", lint.Error, provider, "a pod of the provider is not ready"}
	otherDirectory   = Rule{"OVH625", lint.Error, provider,
		"the driver does not look for providers in the provider's directory"}
	otherVersion = Rule{"OVH626", lint.Warning, provider, "the image has another version than the chart"}
	noLimit      = Rule{"OVH627", lint.Warning, provider, "the provider's memory limit is missing or too low"}
	noPriority   = Rule{"OVH628", lint.Warning, provider, "the provider has no priority class of the system"}

	podWaits        = Rule{"OVH641", lint.Error, pods, "a pod waits for its secrets"}
	podWaitsSomehow = Rule{"OVH642", lint.Error, pods, "a pod waits for its secrets, and the cause is not known"}
	notMirrored     = Rule{"OVH643", lint.Warning, pods, "the driver could not create a Secret of secretObjects"}
	noRecord        = Rule{"OVH644", lint.Warning, pods, "a pod runs without a record of its mount"}

	secretAbsent = Rule{"OVH651", lint.Error, credentials, "the Secret of nodePublishSecretRef does not exist"}
	noCredential = Rule{"OVH652", lint.Error, credentials, "a Secret has no usable credential"}
	noLabel      = Rule{"OVH653", lint.Warning, credentials, "a Secret lacks the label that the driver needs"}
	endsSoon     = Rule{"OVH654", lint.Warning, credentials, "a credential expires soon"}
	neverEnds    = Rule{"OVH655", lint.Warning, credentials, "a token never expires"}
	notAll       = Rule{"OVH656", lint.Note, credentials, "there are too many Secrets to look at"}

	wrongFile       = Rule{"OVH661", lint.Error, connections, "the provider's file of connections is invalid or missing"}
	connectionLacks = Rule{"OVH662", lint.Error, connections, "the Secret of a connection does not exist"}
	noVolume        = Rule{"OVH663", lint.Error, connections, "the credentials of a connection are not mounted"}

	notReached = Rule{"OVH671", lint.Error, network, "this machine does not reach an endpoint of OKMS"}
	noAnswer   = Rule{"OVH672", lint.Error, network, "a pod of the provider gets no answer from OKMS"}
)

// Rules returns every rule, by its ID.
func Rules() []Rule {
	return slices.Clone([]Rule{oldKubernetes, notPermitted, notRead, noNode, noHostPath,
		noDriver, noKind, oldDriver, driverNotReady, noRotation, asksRotation, noMirroring,
		noProvider, twoProviders, nodeLacks, providerNotReady, otherDirectory, otherVersion, noLimit, noPriority,
		podWaits, podWaitsSomehow, notMirrored, noRecord,
		secretAbsent, noCredential, noLabel, endsSoon, neverEnds, notAll, wrongFile, connectionLacks, noVolume,
		notReached, noAnswer})
}
