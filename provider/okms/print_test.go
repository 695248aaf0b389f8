// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"fmt"
	"strings"
	"testing"

	"ovhcloud-csi-provider/provider/sensitive"
)

// TestAnExchangeIsNotPrinted: neither the answer, which holds the secret, nor what was sent.
func TestAnExchangeIsNotPrinted(t *testing.T) {
	x := &exchange{answer: answered(200, `{"data":{"data":{"k":"planted"}}}`)}
	x.sent.add(sensitive.New([]byte("planted-token")))
	if got := x.sent.redact("planted-token"); got != sensitive.Redacted {
		t.Errorf("redacted to %s", got)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		printed := fmt.Sprintf(verb, x.sent) + fmt.Sprintf(verb, x.answer.body)
		if strings.Contains(printed, "planted") {
			t.Errorf("%s prints %s", verb, printed)
		}
	}
}
