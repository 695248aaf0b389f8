// SPDX-License-Identifier: Apache-2.0

package class

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"ovhcloud-csi-provider/provider/message"
)

// parseMode reads octal digits, with or without a leading 0 or 0o. It returns an error for
// a mode that checkMode rejects. Helm turns a bare 0400 in a values file into the decimal
// 256, and so does YAML 1.1: the error then names the octal mode.
func parseMode(v string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimPrefix(v, "0o"), "0O"), 8, 32)
	wrong := checkMode(fs.FileMode(n))
	if err == nil && n <= 0o777 && wrong == "" {
		return fs.FileMode(n), nil
	}
	decimal, noNumber := strconv.ParseUint(v, 10, 32)
	if noNumber == nil && decimal <= 0o777 && checkMode(fs.FileMode(decimal)) == "" {
		return 0, fmt.Errorf("%s is decimal for 0%03o; quote the value: filePermission: \"0%03o\"", v, decimal, decimal)
	}
	if err != nil || n > 0o777 {
		return 0, fmt.Errorf("%s is not an octal file mode from 0400 to 0777, such as \"0440\"", message.Quote(v))
	}
	return 0, fmt.Errorf("%s lets %s; use a mode such as \"0400\", \"0440\" or \"0644\"", message.Quote(v), wrong)
}

// checkMode returns why a mode cannot be meant, or "" if it makes sense: the owner may read
// the file, the group may do no more than the owner, and others no more than the group. A
// decimal number that is read as octal nearly always breaks this rule.
func checkMode(mode fs.FileMode) string {
	owner, group, others := mode>>6&7, mode>>3&7, mode&7
	switch {
	case owner&4 == 0:
		return "not even the owner read the file"
	case group&^owner != 0:
		return "the group do more than the owner"
	case others&^group != 0:
		return "others do more than the group"
	}
	return ""
}
