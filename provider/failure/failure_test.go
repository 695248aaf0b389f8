// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"fmt"
	"strings"
	"testing"
)

func TestTheCauseComesWithinTheFirst500Bytes(t *testing.T) {
	e := &Error{Class: "shop/shop"}
	for i := range 40 {
		e.Failures = append(e.Failures, Failure{Kind: Unauthenticated, Object: i,
			Where: fmt.Sprintf("objects[%d] %q", i, strings.Repeat("f", 80)), What: "OKMS refused the token"})
	}
	text := e.Error()
	if at := strings.Index(text, "and 37 more: OKMS refused the token"); at < 0 || at > 500 ||
		!strings.Contains(text, "objects[2] ") || strings.Contains(text, "objects[3] ") {
		t.Errorf("the cause is at byte %d of %s", at, text)
	}
	e.Failures = e.Failures[:4]
	if text := e.Error(); !strings.Contains(text, "objects[3] ") { // "and 1 more" is not shorter
		t.Errorf("got %s", text)
	}
}
