// SPDX-License-Identifier: Apache-2.0

package shapes

import (
	"testing"

	"google.golang.org/grpc/codes"

	"ovhcloud-csi-provider/test/harness"
)

// TestConnectionsOfObjects: each object is read over its own connection, by its rules.
func TestConnectionsOfObjects(t *testing.T) {
	d, _ := harness.StartWithConnections(t)
	d.Store.Hold(t, map[string]string{"own": `{"a":"own"}`})
	own := func(objects string) harness.Mount { return harness.Mount{Objects: objects} }
	over := func(objects string) harness.Mount { return harness.OverConnection("team", objects, nil) }
	const db = "- {secretPath: prod/shop/db, connection: team, secretKey: a, objectName: db}\n"
	d.MustMount(t, own(db+"- {secretPath: own, secretKey: a, objectName: own}\n"), "db", "1")
	d.MustMount(t, own(db+"- {secretPath: own, secretKey: a, objectName: own}\n"), "own", "own")
	d.MustMount(t, over(db+"- {secretPath: prod/shop/db, objectName: second}\n"), "db", "1")
	d.MustMount(t, own("- {find: {path: prod/shop}, connection: team}\n"), "db", `{"a":"1"}`)
	for objects, parts := range map[string][]string{
		"- {secretPath: prod/pay/card, connection: " +
			"team}\n": {`objects[0].secretPath: connection "team" does not allow "prod/pay/card"`},
		"- {find: {path: prod/pay}, connection: " +
			"team}\n": {`objects[0].find: connection "team" does not allow all secrets below "prod/pay/"`},
		"- {find: {path: prod}, connection: " +
			"team}\n": {`does not allow all secrets below "prod/"`},
		"- {secretPath: prod/shop/db, connection: " +
			"other}\n": {`objects[0].connection: there is no connection "other" that service account "web"`},
		"- {secretPath: prod/shop/db, connection: " +
			"nobody}\n": {`objects[0].connection: there is no connection "nobody"`},
		"- {secrets: {a: prod/shop/db, b: prod/pay/card}, template: \"{{ .a.a }}{{ .b.a }}\", objectName: x, connection: " +
			"team}\n": {`objects[0].secrets: connection "team" does not allow "prod/pay/card"`},
		"- {secretPath: prod/shop/db, secretKey: a, connection: team, certificate: {keystore: jks, password: {secretPath: " +
			"prod/pay/card, secretKey: a}}}\n": {`objects[0].certificate: connection "team" does not allow "prod/pay/card"`},
		"- {secretPath: own, objectName: a}\n- {secretPath: prod/pay/card, connection: team}\n- {secretPath: prod/shop/db, " +
			"connection: nobody}\n": {"objects[1].secretPath", "objects[2].connection"},
	} {
		_, err := d.Do(t.Context(), own(objects))
		harness.WantError(t, err, codes.PermissionDenied, parts...)
	}
}
