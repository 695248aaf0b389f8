package provider

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"ovhcloud-csi-provider/provider/nearest"
)

// encoding is how the values of an object are encoded in Secret Manager.
type encoding string

const (
	utf8Text  encoding = "utf-8"
	base64Std encoding = "base64"
	base64URL encoding = "base64url"
	hexDigits encoding = "hex"
)

func parseEncoding(v string) (encoding, error) {
	switch e := encoding(v); e {
	case utf8Text, base64Std, base64URL, hexDigits:
		return e, nil
	}
	valid := []string{string(utf8Text), string(base64Std), string(base64URL), string(hexDigits)}
	return "", fmt.Errorf("%s is not an encoding; %s", quoted(v), nearest.Suggestion(v, valid))
}

// decode gives the bytes that text stands for. White space around it and line
// breaks within base64 are passed over, and base64 may lack its padding. The
// error quotes nothing of text.
func (e encoding) decode(text []byte) ([]byte, error) {
	if e == utf8Text {
		return text, nil
	}
	text = bytes.TrimSpace(text)
	// With its padding or without; three signs are no padding, and stay an error.
	bare := bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("=")), []byte("="))
	var out []byte
	var err error
	switch e {
	case base64Std:
		out, err = base64.RawStdEncoding.AppendDecode(nil, bare)
	case base64URL:
		out, err = base64.RawURLEncoding.AppendDecode(nil, bare)
	case hexDigits:
		out, err = hex.AppendDecode(nil, text)
	}
	if err != nil {
		return nil, fmt.Errorf("is not %s", e)
	}
	return out, nil
}
