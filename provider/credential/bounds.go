// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"bytes"
	"errors"
	"fmt"

	"ovhcloud-csi-provider/provider/sniff"
)

// Limits of a credential in bytes. A PAT has about 1 KB, and servers accept headers of about 8
// KB. Each read in progress holds several copies of a token.
const (
	maxToken       = 16 << 10 // also of clientId and clientSecret
	maxKey         = 32 << 10 // an RSA key of maxModulus has 6.4 KB
	maxCertificate = 64 << 10 // with its chain
)

// checkSize returns an error for a value of more than most bytes.
func checkSize(raw []byte, key string, most int) error {
	if len(raw) > most {
		return fmt.Errorf("%s is %d bytes long; at most %d are read", key, len(raw), most)
	}
	return nil
}

// OneLine returns raw without a byte order mark and without white space around it. It returns an
// error that names the key if the rest is empty, too long, or not printable ASCII.
func OneLine(raw []byte, key string) ([]byte, error) {
	text := bytes.TrimSpace(sniff.WithoutMark(raw))
	if len(text) == 0 {
		return nil, fmt.Errorf("%s is empty", key)
	}
	if err := checkSize(text, key, maxToken); err != nil {
		return nil, err
	}
	for _, b := range text {
		if b <= ' ' || b >= 0x7f {
			if text := mistake(key, text); text != "" {
				return nil, errors.New(text)
			}
			return nil, fmt.Errorf("%s has white space, a control character or a character outside ASCII in it; "+
				"write one line of printable ASCII", key)
		}
	}
	return text, nil
}
