// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"ovhcloud-csi-provider/provider/rawjson"
	"ovhcloud-csi-provider/provider/wire"
)

// maxTokenAnswer is the limit of a token endpoint's answer in bytes. A token has at most 16 KiB.
const maxTokenAnswer = 64 << 10

// tokenAnswers is a transport that reads answers of a token endpoint within their limit, and
// passes on only the fields that are used. Without it, the OAuth2 library would parse any JSON
// of the endpoint into a tree, and errors of net/http could quote headers of the endpoint.
type tokenAnswers struct{ base *wire.Transport }

// tokenAnswerError is the error for an answer that cannot be read to its end or cannot be used. Its
// text quotes nothing of the answer.
type tokenAnswerError struct {
	status int
	text   string
}

// Error returns what is wrong with the answer, in words of this program.
func (e *tokenAnswerError) Error() string { return e.text }

// RoundTrip implements http.RoundTripper. Its answer has the status and the used fields only.
func (t tokenAnswers) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return nil, wire.ErrSwitched
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenAnswer+1))
	if err != nil && req.Context().Err() != nil {
		return nil, req.Context().Err()
	}
	if err != nil {
		return nil, &tokenAnswerError{resp.StatusCode, "the connection broke within the answer"}
	}
	used := usedOf(body)
	switch s := resp.StatusCode; {
	case s/100 == 4 && s != http.StatusTooManyRequests && !used.refuses():
		return nil, foreignAnswer(resp, len(body))
	case s == http.StatusOK && len(body) > maxTokenAnswer:
		return nil, &tokenAnswerError{s, "answer longer than 64 KiB"}
	}
	return &http.Response{Status: strconv.Itoa(resp.StatusCode), StatusCode: resp.StatusCode,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(used.json())), Request: req}, nil
}

// foreignAnswer returns the error for an answer of another server than a token endpoint. size is
// the length of its body in bytes.
func foreignAnswer(resp *http.Response, size int) *tokenAnswerError {
	sizeText := fmt.Sprintf("%d bytes", size)
	if size > maxTokenAnswer {
		sizeText = "more than 64 KiB"
	}
	return &tokenAnswerError{resp.StatusCode, fmt.Sprintf("not an answer of a token endpoint: %s of %s (HTTP %d), "+
		"perhaps of a proxy or firewall on the way", sizeText, wire.MediaType(resp.Header), resp.StatusCode)}
}

// tokenFields are the used members of a token endpoint's answer (RFC 6749, sections 5.1 and 5.2),
// by name. The values share the memory of the answer.
type tokenFields map[string]rawjson.Value

// usedOf returns the used members of an answer; none if it is too long or not a JSON object.
func usedOf(body []byte) tokenFields {
	used := tokenFields{}
	if len(body) > maxTokenAnswer {
		return used
	}
	answer, valid := rawjson.Parse(body)
	if !valid {
		return used
	}
	for key, value := range answer.Members() {
		for _, name := range []string{"access_token", "token_type", "expires_in", "error"} {
			if key.Is(name) && !value.IsObject() && !value.IsArray() {
				used[name] = value
			}
		}
	}
	return used
}

// refuses reports whether the answer names an error, which RFC 6749 requires of every refusal. An
// answer of status 4xx without it comes from another server, and does not mean that the client
// is refused.
func (f tokenFields) refuses() bool { return f["error"].IsString() && len(f["error"]) > len(`""`) }

// json returns the fields as a JSON object.
func (f tokenFields) json() []byte {
	out := []byte("{")
	for name, value := range f {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(strconv.AppendQuote(out, name), ':'), value...)
	}
	return append(out, '}')
}
