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

// maxTokenAnswer bounds an answer of a token endpoint in bytes. A token is at most 16 KiB.
const maxTokenAnswer = 64 << 10

// tokenAnswers reads the answers of a token endpoint itself, within their bound, and
// hands on what is used of them and nothing else: the OAuth2 library would make a tree
// of whatever the endpoint says, and net/http follow the text of its headers into an
// error.
type tokenAnswers struct{ base *wire.Transport }

// tokenAnswerError is an answer that could not be read to its end, or is of no use.
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

// foreignAnswer is about an answer that is not a token endpoint's, of so many bytes.
func foreignAnswer(resp *http.Response, size int) *tokenAnswerError {
	sizeText := fmt.Sprintf("%d bytes", size)
	if size > maxTokenAnswer {
		sizeText = "more than 64 KiB"
	}
	return &tokenAnswerError{resp.StatusCode, fmt.Sprintf("not an answer of a token endpoint: %s of %s (HTTP %d): "+
		"a proxy or firewall in between?", sizeText, wire.MediaType(resp.Header), resp.StatusCode)}
}

// tokenFields are the members of a token endpoint's answer (RFC 6749, sections 5.1 and
// 5.2) that are used, none of them longer than the whole.
type tokenFields map[string]rawjson.Value

// usedOf reads an answer; what is not a JSON object, or too long, has none of them.
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

// refuses says that the endpoint names an error, as RFC 6749 wants of each refusal. An
// answer without it is not its own: it says nothing of the client.
func (f tokenFields) refuses() bool { return f["error"].IsString() && len(f["error"]) > len(`""`) }

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
