package main

import (
	"fmt"

	"ovhcloud-csi-provider/provider"
)

// suggestion is ", did you mean NAME?" for the name nearest to what was
// written, or "" when none is near.
func suggestion(written string, names []string) string {
	if near := provider.Nearest(written, names); near != "" {
		return fmt.Sprintf(", did you mean %s?", near)
	}
	return ""
}
