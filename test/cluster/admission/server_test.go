// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"cmp"
	"context"
	"strings"
	"testing"

	v1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

const (
	chart    = "../../../charts/ovhcloud-csi-provider"
	template = "ovhcloud-csi-provider/templates/admissionpolicy.yaml"
)

// render returns the policies and bindings that the chart makes of values, in YAML.
func render(t *testing.T, values string) []runtime.Object {
	t.Helper()
	c, err := loader.Load(chart)
	if err != nil {
		t.Fatal(err)
	}
	given, err := chartutil.ReadValues([]byte("image: {repository: registry.example/p}\n" + values))
	if err != nil {
		t.Fatal(err)
	}
	release := chartutil.ReleaseOptions{Name: "ovhcloud-csi-provider", Namespace: "kube-system"}
	all, err := chartutil.ToRenderValues(c, given, release, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Render(c, all)
	if err != nil {
		t.Fatal(err)
	}
	var objects []runtime.Object
	for document := range strings.SplitSeq(files[template], "\n---\n") {
		var o runtime.Object = &v1.ValidatingAdmissionPolicy{}
		switch {
		case strings.TrimSpace(document) == "":
			continue
		case strings.Contains(document, "\nkind: ValidatingAdmissionPolicyBinding\n"):
			o = &v1.ValidatingAdmissionPolicyBinding{}
		}
		if err := yaml.UnmarshalStrict([]byte(document), o); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		setDefaults(o)
		objects = append(objects, o)
	}
	return objects
}

// setDefaults sets what the API server sets when it stores the object.
func setDefaults(o runtime.Object) {
	equivalent, everything := v1.Equivalent, v1.AllScopes
	all := func() *v1.MatchResources {
		every := &metav1.LabelSelector{}
		return &v1.MatchResources{NamespaceSelector: every, ObjectSelector: every, MatchPolicy: &equivalent}
	}
	switch o := o.(type) {
	case *v1.ValidatingAdmissionPolicy:
		rules := o.Spec.MatchConstraints.ResourceRules
		o.Spec.MatchConstraints = all()
		o.Spec.MatchConstraints.ResourceRules = rules
		for i := range rules {
			rules[i].Scope = &everything
		}
	case *v1.ValidatingAdmissionPolicyBinding:
		selected := o.Spec.MatchResources
		if o.Spec.MatchResources = all(); selected != nil {
			o.Spec.MatchResources.NamespaceSelector = selected.NamespaceSelector
		}
	}
}

// apiServer is the API server's admission with the policies of some values.
type apiServer struct{ plugin *validating.Plugin }

// start returns the admission with the chart's policies. There are the namespaces shop and plain;
// only shop has the label team.
func start(t *testing.T, values string) apiServer {
	t.Helper()
	objects := append(render(t, values),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: map[string]string{"team": "shop"}}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "plain"}})
	client := fake.NewClientset(objects...)
	plugin, err := validating.NewPlugin(nil)
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	factory := informers.NewSharedInformerFactory(client, 0)
	plugin.SetExternalKubeClientSet(client)
	plugin.SetExternalKubeInformerFactory(factory)
	plugin.SetDynamicClient(dynamicfake.NewSimpleDynamicClient(scheme.Scheme))
	plugin.SetRESTMapper(restmapper.NewDiscoveryRESTMapper(nil))
	plugin.SetUnconditionalAuthorizer(denyAll{})
	plugin.SetDrainedNotification(stop)
	if err := plugin.ValidateInitialization(); err != nil {
		t.Fatal(err)
	}
	factory.Start(stop)
	factory.WaitForCacheSync(stop)
	if !plugin.WaitForReady() {
		t.Fatal("the policies are not ready")
	}
	return apiServer{plugin: plugin}
}

// denyAll is an authorizer that refuses everything. The policies of the chart do not ask it.
type denyAll struct{}

func (denyAll) Authorize(context.Context, authorizer.Attributes) (authorizer.Decision, string, error) {
	return authorizer.DecisionDeny, "", nil
}

// request is what a user sends: an object in YAML, and the one that it replaces, if any.
type request struct {
	namespace   string // "" is plain
	object, old string
}

// send returns the error of the API server's admission; nil if the object is admitted.
func (s apiServer) send(t *testing.T, r request) error {
	t.Helper()
	r.namespace = cmp.Or(r.namespace, "plain")
	read := func(text string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{}
		err := error(nil)
		if strings.HasPrefix(text, "{") { // JSON is faster to read
			err = o.UnmarshalJSON([]byte(text))
		} else {
			err = yaml.Unmarshal([]byte(text), &o.Object)
		}
		if err != nil {
			t.Fatal(err)
		}
		o.SetNamespace(r.namespace)
		return o
	}
	object := read(r.object)
	kind := object.GroupVersionKind()
	var old runtime.Object
	operation := admission.Create
	if r.old != "" {
		old, operation = read(r.old), admission.Update
	}
	resource, _ := meta.UnsafeGuessKindToResource(kind)
	attributes := admission.NewAttributesRecord(typed(t, object), typed(t, old), kind, r.namespace, object.GetName(),
		resource, "", operation, nil, false, &user.DefaultInfo{Name: "author"})
	return s.plugin.Validate(context.Background(), attributes, admission.NewObjectInterfacesFromScheme(scheme.Scheme))
}

// typed returns the object as its Go type, as the API server has it; custom resources have none.
func typed(t *testing.T, o runtime.Object) runtime.Object {
	t.Helper()
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	of, err := scheme.Scheme.New(u.GroupVersionKind())
	if err != nil {
		return u
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(u.Object, of, true); err != nil {
		t.Fatal(err)
	}
	return of
}
