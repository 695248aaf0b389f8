package conformance

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// questions are what only a live domain can settle. Nothing fails here: the report has the answers.
var questions = []string{
	1:  "the status of an IAM denial",
	2:  "cas mismatch; duplicate; bad path; too large",
	3:  "lookup-self; LIST; PUT of data; sys/internal/ui/mounts",
	4:  "raw slashes in the native API",
	5:  "X-Vault-Token in the native API",
	6:  "a page of 500",
	7:  "the list of an empty folder",
	8:  "Retry-After of a 429",
	9:  "IAM for single secrets",
	10: "data.metadata of a deactivated version",
	11: "who signs the server's certificate",
	12: "the largest data of a version, in bytes",
}

var answers struct {
	sync.Mutex
	of map[int][2]string // the answer, and what was seen
}

func answer(question int, text, seen string) {
	answers.Lock()
	defer answers.Unlock()
	if answers.of == nil {
		answers.of = map[int][2]string{}
	}
	answers.of[question] = [2]string{text, seen}
}

// report prints the questions with their answers. It is only of use for a real domain.
func (d *target) report(to io.Writer) {
	if !d.real {
		return
	}
	fmt.Fprintf(to, "\n| question | answer | seen |\n| --- | --- | --- |\n")
	for i, question := range questions[1:] {
		text, is := answers.of[i+1]
		if !is {
			text = [2]string{"not settled", ""}
		}
		fmt.Fprintf(to, "| %d. %s | %s | %s |\n", i+1, question, text[0], text[1])
	}
}

func TestQuestions(t *testing.T) {
	path := create(t, "questions", `{"k":"v"}`)
	one := func(r request) string { return domain.do(t, r).code() }
	if domain.denied != "" {
		answer(1, one(request{path: v1(path), token: domain.denied}), "a read with "+envDenied)
	}
	domain.scratch("/x") // in case that a path with two slashes is taken
	answer(2, strings.Join([]string{
		one(request{method: http.MethodPut, path: v2(path) + "?cas=7", body: `{"version":{"data":{"k":"x"}}}`}),
		one(request{method: http.MethodPost, path: "/v2/secret", body: fmt.Sprintf(`{"path":%q,"version":{"data":{}}}`, path)}),
		one(request{method: http.MethodPost, path: "/v2/secret", body: fmt.Sprintf(`{"path":%q,"version":{"data":{}}}`, domain.folder+"//x")}),
		one(request{method: http.MethodPut, path: v2(path), body: `{"version":{"data":{"k":"` + strings.Repeat("x", 70_000) + `"}}}`}),
	}, "; "), "in this order")
	answer(3, strings.Join([]string{
		one(request{path: "/v1/auth/token/lookup-self", vault: true}),
		one(request{method: "LIST", path: "/v1/secret/metadata/" + domain.folder}),
		one(request{method: http.MethodPut, path: v1(path), body: `{"data":{"k":"put"}}`}),
		one(request{path: "/v1/sys/internal/ui/mounts/secret"}),
	}, "; "), "in this order")
	answer(4, one(request{path: "/v2/secret/" + path}), "a GET with raw slashes")
	answer(5, one(request{path: v2(path), vault: true}), "a GET with that header alone")
	answer(6, one(request{path: "/v1/secret/metadata/" + domain.folder + "?list=true", header: map[string]string{"X-Pagination-Size": "500"}}), "a list")
	answer(7, one(request{path: "/v1/secret/metadata/" + domain.folder + "/empty?list=true"}), "a list")
	got := domain.do(t, request{path: v1(path)})
	if got.tls != nil {
		leaf := got.tls.PeerCertificates[0]
		answer(11, strings.ReplaceAll(leaf.Issuer.String(), "|", "/"), fmt.Sprintf("%s, %d certificates", leaf.PublicKeyAlgorithm, len(got.tls.PeerCertificates)))
	}
}

// TestLargestData finds the limit of 64 KB to the byte, in at most 14 writes to one secret.
func TestLargestData(t *testing.T) {
	path := create(t, "large", `{"k":"v"}`)
	fits := func(bytes int) bool {
		data := `{"k":"` + strings.Repeat("x", bytes-len(`{"k":""}`)) + `"}`
		return domain.do(t, request{method: http.MethodPut, path: v2(path), body: `{"version":{"data":` + data + `}}`}).status == http.StatusOK
	}
	low, high := 60_000, 70_000 // fits, does not
	if !fits(low) || fits(high) {
		answer(12, "not between 60,000 and 70,000", "two writes")
		return
	}
	for _, likely := range []int{64_000, 65_536} {
		if fits(likely) {
			low = max(low, likely)
		} else {
			high = min(high, likely)
		}
	}
	for high-low > 1 {
		if middle := (low + high) / 2; fits(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	answer(12, fmt.Sprint(low), "the JSON text of data")
	if !domain.real && low != 64<<10 {
		t.Errorf("the emulator takes %d bytes", low)
	}
}

// TestNothingIsLeft: what the tests write is in the scratch folder.
func TestNothingIsLeft(t *testing.T) {
	domain.mu.Lock()
	defer domain.mu.Unlock()
	if slices.ContainsFunc(domain.written, func(path string) bool { return !strings.HasPrefix(path, domain.folder+"/") }) {
		t.Errorf("written: %v", domain.written)
	}
}
