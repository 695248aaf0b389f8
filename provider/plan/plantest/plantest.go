// SPDX-License-Identifier: Apache-2.0

// Package plantest creates requests and plans for the tests of other packages.
package plantest

import (
	"strings"
	"testing"
	"time"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/plan"
	"ovhcloud-csi-provider/provider/sensitive"
)

// TestDomain is the okmsId of Request.
const TestDomain = "734b9b45-8b1a-469c-b140-b10bd6540017"

// Request returns a valid request of the driver, changed by the given functions.
func Request(change ...func(*plan.Request)) plan.Request {
	r := plan.Request{
		Attributes: map[string]string{
			"region":  "eu-west-par",
			"okmsId":  TestDomain,
			"objects": "- secretPath: prod/shop/db\n",

			"secretProviderClass":                      "shop",
			"csi.storage.k8s.io/pod.name":              "web-0",
			"csi.storage.k8s.io/pod.namespace":         "store",
			"csi.storage.k8s.io/pod.uid":               "11111111-2222-3333-4444-555555555555",
			"csi.storage.k8s.io/serviceAccount.name":   "web",
			"csi.storage.k8s.io/ephemeral":             "true",
			"csi.storage.k8s.io/something.new.in.2027": "x",
		},
		Credentials: credential.Material{"token": sensitive.New([]byte("eyJ.planted.token"))},
	}
	for _, f := range change {
		f(&r)
	}
	return r
}

// With sets an attribute of a request.
func With(name, value string) func(*plan.Request) {
	return func(r *plan.Request) { r.Attributes[name] = value }
}

// Without deletes an attribute of a request.
func Without(name string) func(*plan.Request) {
	return func(r *plan.Request) { delete(r.Attributes, name) }
}

// Objects sets the objects of a request, given by their lines.
func Objects(lines ...string) func(*plan.Request) {
	return With("objects", strings.Join(lines, "\n")+"\n")
}

// Credentials sets the credentials of a request; nil for none.
func Credentials(data map[string]string) func(*plan.Request) {
	return func(r *plan.Request) {
		r.Credentials = nil
		for key, value := range data {
			if r.Credentials == nil {
				r.Credentials = credential.Material{}
			}
			r.Credentials[key] = sensitive.New([]byte(value))
		}
	}
}

// Of returns the plan of a request, and its failures, empty if the request is valid. held are the
// administrator's connections; nil for none.
func Of(r plan.Request, held *connections.Set, now time.Time) (plan.Plan, []failure.Failure) {
	cl, wrong := class.Parse(r.Attributes, r.Given())
	p, refused := plan.Make(cl, r, plan.Rights{Connections: held}, now)
	wrong.Join(refused)
	return p, wrong.All()
}

// Planned returns the plan of a valid request. It fails the test if the request is refused.
func Planned(t *testing.T, r plan.Request) plan.Plan {
	t.Helper()
	p, failures := Of(r, nil, time.Now())
	if len(failures) > 0 {
		t.Fatalf("a valid request was refused: %v", (&failure.Error{Class: r.Class(), Failures: failures}).Error())
	}
	return p
}

// Refused returns the kind and the text of the failures of a request. The text is the user's message
// without the name of the class. Refused fails the test if the request is valid.
func Refused(t *testing.T, r plan.Request) (kind failure.Kind, text string) {
	t.Helper()
	_, failures := Of(r, nil, time.Now())
	if len(failures) == 0 {
		t.Fatal("the request was accepted")
	}
	err := &failure.Error{Class: r.Class(), Failures: failures}
	return err.Kind(), strings.TrimPrefix(err.Error(), "SecretProviderClass store/shop: ")
}
