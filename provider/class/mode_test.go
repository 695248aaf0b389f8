// SPDX-License-Identifier: Apache-2.0

package class_test

import (
	"io/fs"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/plan/plantest"
)

// The modes that people give files of secrets, in octal, and the decimal number that
// Helm and YAML 1.1 make of each.
func TestModesAndTheirDecimals(t *testing.T) {
	for text, mode := range map[string]fs.FileMode{
		"0400": 0o400, "0440": 0o440, "0444": 0o444, "0600": 0o600, "0640": 0o640, "0644": 0o644, "0660": 0o660,
		"0664": 0o664, "0666": 0o666,
		"0500": 0o500, "0550": 0o550, "0555": 0o555, "0700": 0o700, "0750": 0o750, "0755": 0o755, "0770": 0o770,
		"0775": 0o775, "0777": 0o777,
	} {
		bare := strings.TrimPrefix(text, "0")
		for _, same := range []string{text, bare, "0o" + bare, "0O" + bare, "00" + bare} {
			if got, err := class.ParseMode(same); err != nil || got != mode {
				t.Errorf("%s is %o, %v", same, got, err)
			}
		}
	}
	for text, want := range map[string]string{
		"256": `256 is decimal for 0400; quote the value: filePermission: "0400"`,
		"420": `420 is decimal for 0644; quote the value: filePermission: "0644"`,
		"288": `288 is decimal for 0440; quote the value: filePermission: "0440"`,
		"384": `384 is decimal for 0600; quote the value: filePermission: "0600"`,
		"416": "is decimal for 0640;", "292": "is decimal for 0444;", "432": "is decimal for 0660;",
		"436": "is decimal for 0664;",
		"438": "is decimal for 0666;", "320": "is decimal for 0500;", "360": "is decimal for 0550;",
		"365": "is decimal for 0555;",
		"448": "is decimal for 0700;", "488": "is decimal for 0750;", "493": "is decimal for 0755;",
		"504": "is decimal for 0770;", "509": "is decimal for 0775;",
		"0420": "is decimal for 0644;",
		"0604": `"0604" lets others do more than the group; use a mode such as "0400", "0440" or "0644"`,
		"0460": `"0460" lets the group do more than the owner;`, "0": `"0" lets not even the owner read the file;`,
		"0200": "lets not even the owner read the file;", "0o420": "lets the group do more than the owner;",
		"1000": "is not an octal file mode", "0x1a4": "is not an octal file mode", "4755": "is not an octal file mode",
		"":      "is not an octal file mode",
		"33188": "is not an octal file mode", "u=rw": "is not an octal file mode",
	} {
		if got, err := class.ParseMode(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is %o, %v; want %s", text, got, err, want)
		}
	}
	// The small input of the report, as a user meets it.
	if _, text := plantest.Refused(t,
		plantest.Request(plantest.Objects("- secretPath: a", `  filePermission: 420`))); !strings.Contains(text,
		`objects[0].filePermission: 420 is decimal for 0644; quote the value: filePermission: "0644"`) {
		t.Error(text)
	}
}
