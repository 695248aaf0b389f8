// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// questions are what only a live domain can settle. Nothing fails here: the report has the answers.
var questions = []string{
	1:  "the status of an IAM denial, for each kind of read",
	2:  "cas mismatch; duplicate; bad path; too large",
	3:  "lookup-self; LIST; PUT of data; sys/internal/ui/mounts",
	4:  "raw slashes in the native API; %2F in the other one",
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
	s := create(t, "questions", `{"k":"v"}`, "")
	one := func(r request) string { return domain.do(t, r).code() }
	folder := "/v1/secret/metadata/" + domain.folder
	if domain.denied != "" {
		var seen []string
		for _, path := range []string{v1(s.path), v2(s.path) + "?includeData=true", v2(s.path), v2(s.path) + "/version",
			folder + "?list=true", "/v2/secret"} {
			seen = append(seen, one(request{path: path, token: domain.denied}))
		}
		answer(1, strings.Join(seen, "; "),
			"with "+envDenied+": read; native read; without data; versions; list of a folder; native list")
	}
	domain.scratch(t, "/x") // in case that a path with two slashes is taken
	answer(2, strings.Join([]string{
		one(request{method: http.MethodPut, path: v2(s.path) + "?cas=7", body: `{"version":{"data":{"k":"x"}}}`}),
		one(request{method: http.MethodPost, path: "/v2/secret",
			body: fmt.Sprintf(`{"path":%q,"version":{"data":{}}}`, s.path)}),
		one(request{method: http.MethodPost, path: "/v2/secret",
			body: fmt.Sprintf(`{"path":%q,"version":{"data":{}}}`, domain.folder+"//x")}),
		one(request{method: http.MethodPut, path: v2(s.path) + s.cas(),
			body: `{"version":{"data":{"k":"` + strings.Repeat("x", 70_000) + `"}}}`}),
	}, "; "), "in this order")
	answer(3, strings.Join([]string{
		one(request{path: "/v1/auth/token/lookup-self", vault: true}),
		one(request{method: "LIST", path: folder}),
		s.addKV(t, http.MethodPut, `{"k":"put"}`).code(),
		one(request{path: "/v1/sys/internal/ui/mounts/secret"}),
	}, "; "), "in this order")
	answer(4, one(request{path: "/v2/secret/" + s.path})+"; "+one(request{path: v1(url.PathEscape(s.path))}), "two GETs")
	answer(5, one(request{path: v2(s.path), vault: true}), "a GET with that header alone")
	answer(6, one(request{path: folder + "?list=true", header: map[string]string{"X-Pagination-Size": "500"}}), "a list")
	answer(7, one(request{path: folder + "/empty?list=true"}), "a list")
	got := domain.do(t, request{path: v1(s.path)})
	if got.tls != nil {
		leaf := got.tls.PeerCertificates[0]
		answer(11, strings.ReplaceAll(leaf.Issuer.String(), "|", "/"),
			fmt.Sprintf("%s, %d certificates", leaf.PublicKeyAlgorithm, len(got.tls.PeerCertificates)))
	}
}

// TestLargestData finds the limit of 64 KB to the byte, in at most 16 writes to one secret. A no is the
// answer that 70,000 bytes get after 60,000 were taken; anything else settles nothing.
func TestLargestData(t *testing.T) {
	s := create(t, "large", `{"k":"v"}`, "")
	text, seen := largest(func(bytes int) (taken bool, seen string) {
		data := `{"k":"` + strings.Repeat("x", bytes-len(`{"k":""}`)) + `"}`
		got := domain.do(t,
			request{method: http.MethodPut, path: v2(s.path) + s.cas(), body: `{"version":{"data":` + data + `}}`})
		if got.status == http.StatusOK {
			s.current++
		}
		return got.status == http.StatusOK, got.code()
	})
	answer(12, text, seen)
	if !domain.real && text != "65536" {
		t.Errorf("the emulator takes %s: %s", text, seen)
	}
}

// largest returns the largest size that write takes, and what was seen. write returns the status and
// the code of the answer too.
func largest(write func(bytes int) (bool, string)) (answer, seen string) {
	low, high := 60_000, 70_000 // taken, refused
	if taken, seen := write(low); !taken {
		return "not settled", "60,000 bytes: " + seen
	}
	taken, refusal := write(high)
	if status, _, _ := strings.Cut(refusal, ","); taken || status != "400" && status != "413" && status != "422" {
		return "not settled", "70,000 bytes: " + refusal
	}
	likely := []int{65_536, 65_537, 64_000, 64_001}
	for high-low > 1 {
		next := (low + high) / 2
		if len(likely) > 0 {
			next, likely = likely[0], likely[1:]
		}
		if next <= low || next >= high {
			continue
		}
		taken, seen := write(next)
		switch {
		case taken:
			low = next
		case seen == refusal:
			high = next
		default:
			return "not settled", fmt.Sprintf("%d bytes: %s", next, seen)
		}
	}
	return fmt.Sprint(low), "the JSON text of data; refused with " + refusal
}
