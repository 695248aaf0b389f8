// SPDX-License-Identifier: Apache-2.0

package sensitive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const planted = "hunter2-planted"

// holder has a value in an unexported field, as structs of the daemon do: fmt cannot call
// methods there.
type holder struct {
	value Bytes
	Open  Bytes
	list  []Bytes
	byKey map[string]Bytes
}

func TestNothingPrintsTheBytes(t *testing.T) {
	b := New([]byte(planted))
	h := holder{value: b, Open: b, list: []Bytes{b}, byKey: map[string]Bytes{"k": b}}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%t", "%40s"} {
		for _, x := range []any{b, &b, h, &h, []Bytes{b}, map[string]Bytes{"k": b}, fmt.Errorf("x: %v", b)} {
			fmt.Fprintf(&out, verb+"\n", x)
		}
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "b", b, "h", h)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "b", b, "h", h)
	if err := json.NewEncoder(&out).Encode(map[string]any{"b": b, "h": h}); err != nil {
		t.Fatal(err)
	}

	for _, form := range []string{planted, fmt.Sprintf("%x", planted), fmt.Sprintf("%X", planted),
		strings.Trim(fmt.Sprint([]byte(planted)), "[]")} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the bytes were printed as %q", form)
		}
	}
	if !strings.Contains(out.String(), Redacted) {
		t.Error("nothing was printed, so the test proves nothing")
	}
}

func TestRevealGivesTheBytesBack(t *testing.T) {
	if got := New([]byte(planted)).Reveal(); string(got) != planted {
		t.Errorf("Reveal = %q", got)
	}
	if got := (Bytes{}).Reveal(); got != nil {
		t.Errorf("the zero value reveals %q", got)
	}
}

func TestDecodingErrorsDoNotQuoteTheInput(t *testing.T) {
	var m map[string]Bytes
	if err := json.Unmarshal([]byte(`{"token":"`+planted+`"}`), &m); err != nil || string(m["token"].Reveal()) != planted {
		t.Fatalf("decoding: %v", err)
	}
	err := json.Unmarshal([]byte(`{"token":["`+planted+`"]}`), &m)
	if err == nil || strings.Contains(err.Error(), planted) {
		t.Errorf("error = %v", err)
	}
}
