// SPDX-License-Identifier: Apache-2.0

// Package clustertest is an API server of Kubernetes for tests: it lists objects over HTTPS, as the real
// one does, in pages, without kinds in the items of lists, and with its errors.
package clustertest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Object is an object of Kubernetes.
type Object = map[string]any

// Cluster is what the API server holds. Change it before Start.
type Cluster struct {
	Version string // such as v1.35.4
	Objects []Object
	// Forbidden are the plurals of kinds that the user may not read, such as "secrets".
	Forbidden []string
	// Failing are the plurals of kinds for which the server fails.
	Failing []string
	// Texts are what pods answer by the way of the API server, by its paths.
	Texts map[string]string
}

// kinds has the path of each kind before its namespace, and its plural.
var kinds = map[string][2]string{
	"Namespace": {"/api/v1", "namespaces"}, "Node": {"/api/v1", "nodes"}, "Pod": {"/api/v1", "pods"},
	"Event":  {"/api/v1", "events"},
	"Secret": {"/api/v1", "secrets"}, "ConfigMap": {"/api/v1", "configmaps"},
	"DaemonSet": {"/apis/apps/v1", "daemonsets"}, "CSIDriver": {"/apis/storage.k8s.io/v1", "csidrivers"},
	"SecretProviderClass":          {"/apis/secrets-store.csi.x-k8s.io/v1", "secretproviderclasses"},
	"SecretProviderClassPodStatus": {"/apis/secrets-store.csi.x-k8s.io/v1", "secretproviderclasspodstatuses"},
	"ClusterRole":                  {"/apis/rbac.authorization.k8s.io/v1", "clusterroles"},
	"Role":                         {"/apis/rbac.authorization.k8s.io/v1", "roles"},
	"ClusterRoleBinding":           {"/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings"},
	"RoleBinding":                  {"/apis/rbac.authorization.k8s.io/v1", "rolebindings"},
}

// Read reads a file with a List of objects.
func Read(t *testing.T, file string) *Cluster {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Items []Object }
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return &Cluster{Version: "v1.35.4", Objects: list.Items}
}

// Find returns the object of a kind and a name; the test ends if there is none.
func (c *Cluster) Find(t *testing.T, kind, name string) Object {
	t.Helper()
	for _, o := range c.Objects {
		if o["kind"] == kind && text(o, "metadata", "name") == name {
			return o
		}
	}
	t.Fatalf("the cluster has no %s %s", kind, name)
	return nil
}

// Remove takes objects of a kind out: those of the names, or all.
func (c *Cluster) Remove(kind string, names ...string) {
	c.Objects = slices.DeleteFunc(c.Objects, func(o Object) bool {
		return o["kind"] == kind && (len(names) == 0 || slices.Contains(names, text(o, "metadata", "name")))
	})
}

// Add adds an object, given as JSON.
func (c *Cluster) Add(t *testing.T, object string) {
	t.Helper()
	var o Object
	if err := json.Unmarshal([]byte(object), &o); err != nil {
		t.Fatalf("%s: %v", object, err)
	}
	c.Objects = append(c.Objects, o)
}

// Replace replaces a text in the JSON of an object; the test ends if it is not there.
func (c *Cluster) Replace(t *testing.T, kind, name, old, replacement string) {
	t.Helper()
	o := c.Find(t, kind, name)
	was, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(was), old) {
		t.Fatalf("%s %s has no %s: %s", kind, name, old, was)
	}
	clear(o)
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(was), old, replacement)), &o); err != nil {
		t.Fatal(err)
	}
}

// text returns a text in an object, "" if it is not there.
func text(o Object, path ...string) string {
	var value any = o
	for _, name := range path {
		of, _ := value.(Object)
		value = of[name]
	}
	found, _ := value.(string)
	return found
}

// Start runs the API server until the end of the test.
func (c *Cluster) Start(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			t.Errorf("%s %s: only GET is read-only", r.Method, r.URL)
		}
		if text, known := c.Texts[r.URL.Path]; known {
			_, _ = io.WriteString(w, text)
			return
		}
		status, answer := c.answer(r.URL)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that a client opened and did not need
	server.StartTLS()
	// Each handshake takes an RSA signature, and dozens of lists are read at once.
	server.Client().Transport.(*http.Transport).MaxConnsPerHost = 2
	t.Cleanup(server.Close)
	return server
}

// answer returns the answer to a GET.
func (c *Cluster) answer(u *url.URL) (status int, answer any) {
	if u.Path == "/version" {
		return http.StatusOK, Object{"gitVersion": c.Version}
	}
	plural := pluralOf(u.Path)
	if slices.Contains(c.Failing, plural) {
		return failure(http.StatusInternalServerError, "InternalError", "etcdserver: request timed out")
	}
	if slices.Contains(c.Forbidden, plural) {
		return failure(http.StatusForbidden, "Forbidden",
			plural+` is forbidden: User "dev" cannot list resource "`+plural+`" at the cluster scope`)
	}
	var list []Object
	known := false
	for _, o := range c.Objects {
		kind, _ := o["kind"].(string)
		at := kinds[kind]
		all, one := at[0]+"/"+at[1], at[0]+"/"+at[1]+"/"+text(o, "metadata", "name")
		if namespace := text(o, "metadata", "namespace"); namespace != "" {
			one = at[0] + "/namespaces/" + namespace + "/" + at[1] + "/" + text(o, "metadata", "name")
		}
		switch {
		case u.Path == one:
			return http.StatusOK, o
		case u.Path == all && selected(o, u.Query().Get("fieldSelector")):
			list = append(list, bare(o, kind))
		}
		known = known || u.Path == all
	}
	if !known && !c.serves(u.Path) {
		return failure(http.StatusNotFound, "NotFound", "the server could not find the requested resource")
	}
	return page(list, u.Query())
}

// pluralOf returns the plural of the kind in a path.
func pluralOf(where string) string {
	for _, at := range kinds {
		if strings.HasPrefix(where, at[0]+"/") && (path.Base(where) == at[1] || path.Base(path.Dir(where)) == at[1]) {
			return at[1]
		}
	}
	return ""
}

// serves reports whether a path is that of a list which may be empty. Kinds of the driver are there
// only if an object is.
func (c *Cluster) serves(where string) bool {
	for _, at := range kinds {
		if where == at[0]+"/"+at[1] {
			return !strings.Contains(where, "secrets-store.csi.x-k8s.io")
		}
	}
	return false
}

// selected reports whether an event has the reason of a selector.
func selected(o Object, selector string) bool {
	for _, one := range strings.Split(selector, ",") {
		if reason, is := strings.CutPrefix(one, "reason="); is && reason != text(o, "reason") {
			return false
		}
	}
	return true
}

// bare returns an object of a list: the API server leaves out the kind of its own kinds.
func bare(o Object, kind string) Object {
	if strings.HasPrefix(kind, "SecretProviderClass") {
		return o
	}
	one := Object{}
	for key, value := range o {
		if key != "kind" && key != "apiVersion" {
			one[key] = value
		}
	}
	return one
}

// pageSize is how many objects a page has, whatever the limit: tests have few objects.
const pageSize = 4

// page returns the part of a list that a query asks for.
func page(list []Object, query url.Values) (status int, answer any) {
	start, _ := strconv.Atoi(query.Get("continue"))
	end := min(len(list), start+pageSize)
	next := ""
	if end < len(list) {
		next = strconv.Itoa(end)
	}
	return http.StatusOK, Object{"kind": "List", "metadata": Object{"continue": next}, "items": append([]Object{},
		list[start:end]...)}
}

// failure returns an error of the API server.
func failure(code int, reason, message string) (status int, answer any) {
	return code, Object{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code,
		"message": message}
}

// Kubeconfig writes a file with which kubectl reaches the server, and returns its name.
func Kubeconfig(t *testing.T, server *httptest.Server) string {
	t.Helper()
	ca := fmt.Sprintf("-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n",
		base64.StdEncoding.EncodeToString(server.Certificate().Raw))
	config := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "c",
"clusters": [{"name": "c", "cluster": {"server": %q, "certificate-authority-data": %q}}],
"users": [{"name": "u", "user": {"token": "the-token-of-the-user"}}],
"contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}`, server.URL, base64.StdEncoding.EncodeToString([]byte(ca)))
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
