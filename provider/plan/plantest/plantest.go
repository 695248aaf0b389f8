// Package plantest makes requests and plans for the tests of other packages.
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

// TestDomain is the okmsId of the requests.
const TestDomain = "734b9b45-8b1a-469c-b140-b10bd6540017"

// Request returns a valid request as the driver makes it, changed by the given functions.
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

// With gives an attribute.
func With(name, value string) func(*plan.Request) {
	return func(r *plan.Request) { r.Attributes[name] = value }
}

// Without drops an attribute.
func Without(name string) func(*plan.Request) {
	return func(r *plan.Request) { delete(r.Attributes, name) }
}

// Objects gives the lines of the parameter objects.
func Objects(lines ...string) func(*plan.Request) {
	return With("objects", strings.Join(lines, "\n")+"\n")
}

// Credentials gives the credentials of nodePublishSecretRef.
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

// Of returns the plan of a request and all failures.
func Of(r plan.Request, held *connections.Set, now time.Time) (plan.Plan, []failure.Failure) {
	cl, wrong := class.Parse(r.Attributes, r.Given())
	p, refused := plan.Make(cl, r, plan.Rights{Connections: held}, now)
	wrong.Join(refused)
	return p, wrong.All()
}

// Planned returns the plan of a valid request.
func Planned(t *testing.T, r plan.Request) plan.Plan {
	t.Helper()
	p, failures := Of(r, nil, time.Now())
	if len(failures) > 0 {
		t.Fatalf("a valid request was refused: %v", (&failure.Error{Class: r.Class(), Failures: failures}).Error())
	}
	return p
}

// Refused returns the failures of an invalid request as a user reads them, without the head
// that names the class.
func Refused(t *testing.T, r plan.Request) (kind failure.Kind, text string) {
	t.Helper()
	_, failures := Of(r, nil, time.Now())
	if len(failures) == 0 {
		t.Fatal("the request was accepted")
	}
	err := &failure.Error{Class: r.Class(), Failures: failures}
	return err.Kind(), strings.TrimPrefix(err.Error(), "SecretProviderClass store/shop: ")
}
