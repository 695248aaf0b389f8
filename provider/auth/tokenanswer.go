package auth

import (
	"bytes"
	"io"
	"net/http"
	"strconv"

	"ovhcloud-csi-provider/provider/rawjson"
	"ovhcloud-csi-provider/provider/wire"
)

// maxTokenAnswer bounds an answer of a token endpoint in bytes. A token is at most 16 KiB.
const maxTokenAnswer = 64 << 10

// tokenAnswers reads the answers of a token endpoint itself, within their bound, and
// hands on what is used of them and nothing else: the OAuth2 library would make a tree
// of whatever the endpoint says, and net/http follow the text of its headers into an
// error.
type tokenAnswers struct{ base *wire.Transport }

// tokenAnswerError is an answer that could not be read to its end.
type tokenAnswerError struct {
	status int
	text   string
}

func (e *tokenAnswerError) Error() string { return e.text }

// RoundTrip implements http.RoundTripper.
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
	switch {
	case err != nil && req.Context().Err() != nil:
		return nil, req.Context().Err()
	case err != nil:
		return nil, &tokenAnswerError{resp.StatusCode, "the connection broke within the answer"}
	case len(body) > maxTokenAnswer && resp.StatusCode == http.StatusOK:
		return nil, &tokenAnswerError{resp.StatusCode, "answer longer than 64 KiB"}
	case len(body) > maxTokenAnswer:
		body = nil
	}
	return &http.Response{Status: strconv.Itoa(resp.StatusCode), StatusCode: resp.StatusCode,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(usedOf(body))), Request: req}, nil
}

// usedOf is the members of a token endpoint's answer (RFC 6749, sections 5.1 and 5.2) that
// are used, none of them longer than the whole; {} of what is not a JSON object.
func usedOf(body []byte) []byte {
	used := map[string]rawjson.Value{}
	if answer, valid := rawjson.Parse(body); valid {
		for key, value := range answer.Members() {
			for _, name := range []string{"access_token", "token_type", "expires_in", "error"} {
				if key.Is(name) && !value.IsObject() && !value.IsArray() {
					used[name] = value
				}
			}
		}
	}
	out := []byte("{")
	for name, value := range used {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(strconv.AppendQuote(out, name), ':'), value...)
	}
	return append(out, '}')
}
