// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/config"
	"ovhcloud-csi-provider/provider/message"
	"ovhcloud-csi-provider/provider/nearest"
	"ovhcloud-csi-provider/provider/rules"
	"ovhcloud-csi-provider/provider/yamlnode"
)

// checkRules checks that the rules of connections allow what a class reads, to the pods that name it.
// Without a pod, the rules for any service account of its namespace count.
func (l *linter) checkRules(c *spc) {
	if l.options.Connections == nil {
		return
	}
	if !c.said.OwnPlace && !c.said.Combined {
		l.connection(c, c.said.Connection, failureOfClass)
	}
	for _, o := range c.said.Objects {
		if o.Connection != "" {
			l.connection(c, o.Connection, o.Number)
		}
	}
	for _, caller := range c.callers(l) {
		for _, o := range c.said.Objects {
			l.allowed(c, o, caller)
		}
	}
}

// failureOfClass is the number of the class in place of an object's.
const failureOfClass = -1

// connection checks that there is a connection with the name.
func (l *linter) connection(c *spc, name string, object int) {
	if _, known := l.options.Connections[name]; known {
		return
	}
	parameters := c.at("spec", "parameters")
	text := fmt.Sprintf("there is no connection %s in the file of connections; %s", message.Quote(name),
		nearest.Suggestion(name, slices.Sorted(maps.Keys(l.options.Connections))))
	if object != failureOfClass {
		o := c.objectOf(object)
		l.within(notAllowed, c.object, yamlnode.Field(parameters, class.ParamObjects), o.LineOf("connection"), "connection",
			fmt.Sprintf("objects[%d].connection: %s", object, text))
		return
	}
	key, _ := yamlnode.Entry(parameters, class.ParamConnection)
	if key == nil {
		key = parameters
	}
	l.find(notAllowed, c.object, key, "%s", text)
}

// objectOf returns the object of a number.
func (c *spc) objectOf(number int) class.Object {
	i := slices.IndexFunc(c.said.Objects, func(o class.Object) bool { return o.Number == number })
	return c.said.Objects[i]
}

// caller is a pod as rules see it. any stands for every service account.
type caller struct {
	namespace, account string
	any                bool
}

// callers returns the pods that name the class; without one, any pod of its namespace. There are none
// if the namespace is not known.
func (c *spc) callers(l *linter) (all []caller) {
	for _, v := range c.volumes {
		one := caller{namespace: l.namespace(v.object), account: yamlnode.TextAt(v.pod, "serviceAccountName")}
		if one.account == "" {
			one.account = "default"
		}
		if one.namespace == "" {
			one.namespace = l.namespace(c.object)
		}
		if one.namespace != "" && !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	if namespace := l.namespace(c.object); len(c.volumes) == 0 && namespace != "" {
		all = append(all, caller{namespace: namespace, any: true})
	}
	return all
}

// grant returns what a connection allows to a caller.
func (one caller) grant(connection config.Connection) rules.Grant {
	of := connection.Rules
	if one.any {
		of = slices.Clone(of)
		for i := range of {
			of[i].Accounts = []string{"*"}
		}
	}
	return rules.For(of, one.namespace, one.account)
}

func (one caller) String() string {
	if one.any {
		return "any pod of namespace " + message.Quote(one.namespace)
	}
	return fmt.Sprintf("service account %s of namespace %s", message.Quote(one.account), message.Quote(one.namespace))
}

// allowed checks that a caller may read what an object is made of.
func (l *linter) allowed(c *spc, o class.Object, one caller) {
	name := o.Connection
	if name == "" && !c.said.OwnPlace {
		name = c.said.Connection
	}
	connection, known := l.options.Connections[name]
	if !known {
		return // it has credentials of its own, or connection has told
	}
	grant := one.grant(connection)
	refuse := func(name, what string) {
		allows := "nothing"
		if grant.Any() {
			allows = message.Bound(strings.Join(grant.Paths(), ", "), 300)
		}
		l.within(notAllowed, c.object, yamlnode.Field(c.at("spec", "parameters"), class.ParamObjects), o.LineOf(name), name,
			fmt.Sprintf("objects[%d].%s: connection %s does not allow %s to %s; it allows %s", o.Number, name,
				message.Quote(connection.Name), what, one, allows))
	}
	if o.Find != nil {
		if !grant.AllowsBelow(o.Find.Path) {
			refuse("find", "all secrets below "+o.Find.Folder())
		}
		return
	}
	for n := range o.Count() {
		if source := o.Source(n); !grant.Allows(source.Path) {
			refuse(o.FieldOf(source), message.Quote(source.Path))
		}
	}
}
