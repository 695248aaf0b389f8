package credential

import (
	"bytes"
	"errors"
	"fmt"

	"ovhcloud-csi-provider/provider/sniff"
)

// Limits of a credential in bytes. A PAT has about 1 KB, and no server takes more than some
// 8 KB in a header. Each read in progress holds a token several times.
const (
	maxToken       = 16 << 10 // and for each of the other texts
	maxKey         = 32 << 10 // an RSA key of maxModulus has 6.4 KB
	maxCertificate = 64 << 10 // with its chain
)

func checkSize(raw []byte, key string, most int) error {
	if len(raw) > most {
		return fmt.Errorf("%s is %d bytes long; at most %d are read", key, len(raw), most)
	}
	return nil
}

// OneLine returns raw without a byte order mark and without white space around it. It is an
// error if the rest is not printable ASCII. key names the text in errors.
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
			if what := mishap(key, text); what != "" {
				return nil, errors.New(what)
			}
			return nil, fmt.Errorf("%s holds white space, a control character or a character outside ASCII within; "+
				"want one line of printable ASCII", key)
		}
	}
	return text, nil
}
