package lint

import "slices"

// Rule is a kind of finding. docs/lint.md has a section for each, by its ID.
type Rule struct {
	ID       string
	Severity Severity
	Title    string
}

// The rules.
var (
	notYAML        = Rule{"OVH001", Error, "a file cannot be read as YAML"}
	wrongParameter = Rule{"OVH101", Error, "a parameter of a class is wrong"}
	wrongObject    = Rule{"OVH102", Error, "an object of a class is wrong"}
	noSuchFile     = Rule{"OVH201", Error, "secretObjects names a file that the class does not make"}
	optionalFile   = Rule{"OVH202", Warning, "secretObjects names a file that may be absent"}
	notTLS         = Rule{"OVH203", Error, "a mirrored Secret of the type kubernetes.io/tls has other keys"}
	noClass        = Rule{"OVH301", Warning, "a volume names a class that is not there"}
	otherNamespace = Rule{"OVH302", Error, "a volume names a class of another namespace"}
	notReadOnly    = Rule{"OVH303", Error, "a volume of the driver is not readOnly"}
	noCredentials  = Rule{"OVH304", Error, "a volume brings no credentials, and its class has no connection"}
	bothLogins     = Rule{"OVH305", Error, "a volume brings credentials, and its class has a connection"}
	overridden     = Rule{"OVH306", Warning, "volumeAttributes override a parameter of the class"}
	unreadable     = Rule{"OVH307", Warning, "a container that is not root cannot read a file"}
	unused         = Rule{"OVH401", Note, "no pod names the class"}
)

// Rules returns every rule, by its ID.
func Rules() []Rule {
	return slices.Clone([]Rule{notYAML, wrongParameter, wrongObject, noSuchFile, optionalFile, notTLS, noClass, otherNamespace,
		notReadOnly, noCredentials, bothLogins, overridden, unreadable, unused})
}
