// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

// TestObjectsHaveConnectionsOfTheirOwn: three objects, of which two name a connection, and one has that of the class.
func TestObjectsHaveConnectionsOfTheirOwn(t *testing.T) {
	objects := plantest.Objects("- secretPath: prod/shop/db", "- secretPath: prod/shop/db", "  connection: rbx",
		"  objectName: there", "- secretPath: prod/shop/tls", "  connection: alone")
	p, failures := over(t, regions(t), "par", objects)
	if len(failures) > 0 {
		t.Fatal(failures)
	}
	var routes, used []string
	for _, o := range p.Objects {
		routes = append(routes, p.RouteOf(o).Connection)
	}
	for _, route := range p.Used() {
		used = append(used, route.Connection)
	}
	if want := []string{"par", "rbx", "alone"}; !slices.Equal(routes, want) || !slices.Equal(used, want) ||
		len(p.Reads) != 3 {
		t.Errorf("the objects have the routes %q, the reads %q: %v", routes, used, p.Reads)
	}
	if first := p.RouteAt(0); first.Connection != "par" || first.Fallback == nil {
		t.Errorf("route 0 is %q, want that of the class with its fallback", first.Connection)
	}
}

// TestAnObjectsConnectionThatAPodMayNotUse: the failure is that of the object, and does not speak of the class.
func TestAnObjectsConnectionThatAPodMayNotUse(t *testing.T) {
	objects := plantest.Objects("- secretPath: prod/shop/db", "  connection: par", "- secretPath: prod/shop/tls",
		"  connection: nope")
	_, failures := over(t, regions(t), "", plantest.Without("connection"), objects)
	if len(failures) != 1 {
		t.Fatal(failures)
	}
	if f := failures[0]; f.Kind != failure.NotAllowed || f.Object != 1 || f.Where != "objects[1].connection" ||
		!strings.HasPrefix(f.What, `there is no connection "nope" that`) {
		t.Errorf("the failure is %+v", f)
	}
}
