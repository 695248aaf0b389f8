package lint

import (
	"fmt"
	"strings"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// providerName is the provider in a SecretProviderClass.
const providerName = "ovhcloud"

// spc is a SecretProviderClass of the provider.
type spc struct {
	*object
	parameters map[string]string
	said       class.Class
	valid      bool
}

// classes returns the SecretProviderClasses of the provider.
func (l *linter) classes() (all []*spc) {
	for _, o := range l.objects {
		if o.text("kind") != "SecretProviderClass" || o.text("spec", "provider") != providerName {
			continue
		}
		c := &spc{object: o, parameters: map[string]string{}}
		if parameters := o.at("spec", "parameters"); parameters != nil && yamlnode.IsMap(parameters) {
			for i := 0; i+1 < len(parameters.Content); i += 2 {
				c.parameters[parameters.Content[i].Value] = parameters.Content[i+1].Value
			}
		}
		all = append(all, c)
	}
	return all
}

// ownDomain reports whether a class says itself where its secrets are.
func (c *spc) ownDomain() bool { return c.parameters["region"] != "" || c.parameters["endpoint"] != "" }

// checkClass reads a class as the daemon does, and checks what it mirrors.
func (l *linter) checkClass(c *spc, volumes []*volume) {
	used, credentials := false, c.ownDomain()
	for _, v := range volumes {
		if v.names(c) {
			used, credentials = true, v.credentials()
		}
	}
	var wrong *failure.List
	c.said, wrong = class.Parse(c.parameters, class.Given{Credentials: credentials, Mode: 0o644})
	for _, f := range wrong.All() {
		l.mistake(c, f)
	}
	if c.valid = wrong.Len() == 0; c.valid {
		l.checkMirror(c)
	}
	if len(volumes) > 0 && !used {
		l.find(unused, c.object, c.at("metadata", "name"), "no pod of these files names this class")
	}
}

// mistake adds a failure of the daemon at its place in the file.
func (l *linter) mistake(c *spc, f failure.Failure) {
	text := f.Where + ": " + f.Text()
	parameters := c.at("spec", "parameters")
	if f.Object != failure.WholeClass && f.Line > 0 {
		if value := field(parameters, class.ParamObjects); value != nil {
			line := value.Line + f.Line - 1
			if yamlnode.IsBlock(value) {
				line++
			}
			l.findAt(wrongObject, c.object, line, 0, "%s", text)
			return
		}
	}
	key, _ := entry(parameters, strings.TrimPrefix(f.Where, "parameters."))
	if key == nil {
		key = parameters
	}
	if f.Where == class.CredentialSource {
		return // of the pods
	}
	l.find(wrongParameter, c.object, key, "%s", text)
}

// checkMirror checks that the files exist which secretObjects names.
func (l *linter) checkMirror(c *spc) {
	for _, mirrored := range elements(c.at("spec", "secretObjects")) {
		var keys []string
		for _, data := range elements(field(mirrored, "data")) {
			keys = append(keys, text(data, "key"))
			l.checkFile(c, field(data, "objectName"))
		}
		if text(mirrored, "type") != "kubernetes.io/tls" {
			continue
		}
		for _, key := range keys {
			if key != "tls.crt" && key != "tls.key" {
				l.find(notTLS, c.object, mirrored, "the driver mirrors tls.crt and tls.key only to a Secret of the type kubernetes.io/tls, not %s; set the type Opaque, or a Secret of its own", message.Quote(key))
			}
		}
	}
}

// checkFile checks one file that secretObjects names.
func (l *linter) checkFile(c *spc, named *yamlnode.Node) {
	if named == nil {
		return
	}
	var files []string
	for _, o := range c.said.Objects {
		file := o.File()
		switch {
		case o.IsFolder() && (file == "" || strings.HasPrefix(named.Value, file+"/")):
			return // which files it makes is only known to the store
		case file == named.Value && o.Optional:
			l.find(optionalFile, c.object, named, "objects[%d] is optional: while its secret does not exist, the driver mirrors nothing of this Secret; give an optional file a Secret of its own", o.Number)
			return
		case file == named.Value:
			return
		case !o.IsFolder():
			files = append(files, message.Quote(file))
		}
	}
	l.find(noSuchFile, c.object, named, "the class makes no file %s; it makes %s", message.Quote(named.Value), message.Bound(strings.Join(files, ", "), 300))
}

// Class is a SecretProviderClass of the provider as it stands in a file.
type Class struct {
	File            string
	Namespace, Name string // the namespace may be empty
	Parameters      map[string]string
}

// Classes returns the SecretProviderClasses of the provider in the sources. The error is why a source
// cannot be read.
func Classes(sources []Source) (all []Class, err error) {
	l := &linter{}
	for _, source := range sources {
		l.read(source)
	}
	for _, f := range l.findings {
		return nil, fmt.Errorf("%s:%d: %s", f.File, f.Line, f.Message)
	}
	for _, c := range l.classes() {
		namespace, name := c.name()
		all = append(all, Class{c.source.Name, namespace, name, c.parameters})
	}
	return all, nil
}
