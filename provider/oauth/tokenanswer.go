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

// maxTokenAnswer limits an answer of a token endpoint in bytes. A token has at most 16 KiB.
const maxTokenAnswer = 64 << 10

// tokenAnswers reads the answers of a token endpoint within a limit, and passes on only the
// members that are used: the OAuth2 library would decode everything that the endpoint
// sends, and net/http would put the text of its headers into an error.
type tokenAnswers struct{ base *wire.Transport }

// tokenAnswerError is an answer that could not be read to its end, or is useless.
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

// foreignAnswer returns the error for an answer that is not from a token endpoint. size is
// its length in bytes.
func foreignAnswer(resp *http.Response, size int) *tokenAnswerError {
	sizeText := fmt.Sprintf("%d bytes", size)
	if size > maxTokenAnswer {
		sizeText = "more than 64 KiB"
	}
	return &tokenAnswerError{resp.StatusCode, fmt.Sprintf("not an answer of a token endpoint: %s of %s (HTTP %d): "+
		"a proxy or firewall in between?", sizeText, wire.MediaType(resp.Header), resp.StatusCode)}
}

// tokenFields are the members of a token endpoint's answer (RFC 6749, sections 5.1 and 5.2)
// that are used.
type tokenFields map[string]rawjson.Value

// usedOf reads an answer. It returns no members if the answer is not a JSON object or is
// too long.
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

// refuses reports whether the endpoint names an error, as RFC 6749 requires of each
// refusal. An answer without it is not from the endpoint, and says nothing about the
// client.
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
