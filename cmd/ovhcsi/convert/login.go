// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"fmt"

	"ovhcloud-csi-provider/provider/message"
)

// login is where the credential of a store or a class is.
type login struct {
	comments     comments
	namespace    string // "" for that of the pod
	secret       string // "" if it is not known
	certificate  bool   // otherwise a token
	key, private string // the keys of its data
}

// keys returns the keys of the Secret by the names that the provider has for them, and whether one has
// another name.
func (l login) keys() (wanted map[string]string, renamed bool) {
	wanted = map[string]string{"token": l.key}
	if l.certificate {
		wanted = map[string]string{"tls.crt": l.key, "tls.key": l.private}
	}
	for key, is := range wanted {
		renamed = renamed || key != is
	}
	return wanted, renamed
}

// publish returns the name of the Secret for nodePublishSecretRef, with what is to be done so that pods
// of a namespace can use it.
func (l login) publish(namespace string) (name string, todo []string) {
	if l.secret == "" {
		return "okms-credentials", []string{
			"Create the Secret okms-credentials with a token, or with tls.crt and tls.key, in the namespace of the pods."}
	}
	wanted, renamed := l.keys()
	elsewhere := l.namespace != "" && l.namespace != namespace
	if !renamed && !elsewhere {
		return l.secret, nil
	}
	name = l.secret
	if renamed && !elsewhere {
		name += "-csi"
	}
	from, to := "", ""
	if elsewhere {
		from, to = " -n "+shell(l.namespace), " -n "+shell(orDefault(namespace, "NAMESPACE"))
	}
	command := "kubectl create secret generic " + shell(name) + to
	for _, key := range []string{"token", "tls.crt", "tls.key"} {
		if is, has := wanted[key]; has {
			show := fmt.Sprintf("{{index .data %q | base64decode}}", is)
			get := fmt.Sprintf(`kubectl get secret %s%s -o go-template=%s`, shell(l.secret), from, shell(show))
			command += fmt.Sprintf(" --from-file=%s=<(%s)", key, get)
		}
	}
	what := "The pods need the Secret " + message.Name(name) + " in their own namespace"
	if renamed {
		what += ", with the keys that the provider knows"
	}
	return name, []string{what + ":", "  " + command}
}
