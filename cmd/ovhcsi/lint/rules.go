// SPDX-License-Identifier: Apache-2.0

package lint

import "slices"

// Rule is a kind of finding. docs/lint.md has a section for each, by its ID.
type Rule struct {
	ID       string
	Severity Severity
	Title    string
}

// NoClass is the ID of findings about a volume whose class is not among the sources.
const NoClass = "OVH301"

// The rules.
var (
	notYAML        = Rule{"OVH001", Error, "a file cannot be read as YAML"}
	otherProvider  = Rule{"OVH002", Warning, "the provider of a class is probably misspelt"}
	wrongParameter = Rule{"OVH101", Error, "a parameter of a class is wrong"}
	wrongObject    = Rule{"OVH102", Error, "an object of a class is wrong"}
	notText        = Rule{"OVH103", Error, "a parameter is not a text"}
	foreignHost    = Rule{"OVH104", Warning, "the provider sends no credentials to the endpoint of a class"}
	vaultPath      = Rule{"OVH105", Warning, "a path begins like a path of Vault's API"}
	noSuchFile     = Rule{"OVH201", Error, "secretObjects names a file that the class does not make"}
	optionalFile   = Rule{"OVH202", Warning, "secretObjects names a file that may be absent"}
	wrongType      = Rule{"OVH203", Error, "a mirrored Secret does not fit its type"}
	incomplete     = Rule{"OVH204", Error, "an entry of secretObjects is incomplete, or given twice"}
	noClass        = Rule{NoClass, Warning, "a volume names a class that is not there"}
	otherNamespace = Rule{"OVH302", Error, "a volume names a class of another namespace"}
	notReadOnly    = Rule{"OVH303", Error, "a volume of the driver is not readOnly"}
	noCredentials  = Rule{"OVH304", Error, "a volume brings no credentials, and its class has no connection"}
	bothLogins     = Rule{"OVH305", Error, "a volume brings credentials, and its class has a connection"}
	overridden     = Rule{"OVH306", Warning, "volumeAttributes override a parameter of the class"}
	unreadable     = Rule{"OVH307", Warning, "a container that is not root cannot read a file"}
	wrongAttribute = Rule{"OVH308", Error, "volumeAttributes make a class invalid"}
	subPath        = Rule{"OVH309", Warning, "a container mounts a file by subPath"}
	unused         = Rule{"OVH401", Note, "no pod names the class"}
	sameName       = Rule{"OVH402", Warning, "two classes have the same name"}
	nothing        = Rule{"OVH403", Note, "the files have nothing of the provider"}
	notAllowed     = Rule{"OVH501", Error, "the rules of a connection do not allow what a class reads"}
	fileAndFolder  = Rule{"OVH502", Warning, "a file of the applied class becomes a folder, or a folder a file"}
)

// Rules returns every rule, by its ID.
func Rules() []Rule {
	return slices.Clone([]Rule{notYAML, otherProvider, wrongParameter, wrongObject, notText, foreignHost, vaultPath,
		noSuchFile, optionalFile,
		wrongType, incomplete, noClass, otherNamespace, notReadOnly, noCredentials, bothLogins, overridden, unreadable,
		wrongAttribute,
		subPath, unused, sameName, nothing, notAllowed, fileAndFolder})
}
