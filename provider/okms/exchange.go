// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"ovhcloud-csi-provider/provider/conns"
	"ovhcloud-csi-provider/provider/sensitive"
	"ovhcloud-csi-provider/provider/wire"
)

// Limits of an answer in bytes. A secret is at most 64 KB (source: OVHcloud's guide); JSON
// escapes can make it six times as long. A refusal has a few short texts. It fits into the
// share of the quota that each read always has, and is not counted.
const (
	maxAnswer  = 1 << 20
	maxRefusal = 64 << 10
)

var (
	errAnswerTooLong  = errors.New("answer longer than 1 MiB")
	errAnswersTooMany = errors.New("the mounts of this node read too many large secrets at once")
)

// exchange is one request to OKMS and its answer. It is passed in the context, past vault/api,
// from Client to the transport: vault/api would read any body whole, and would decode that
// of a refusal into structures of any size.
type exchange struct {
	conn    conns.Exchange
	phase   phase
	sent    sentTexts
	request request
	answer  answer
	whole   bool   // answer is the final one, and was read to its end or its limit
	all     *Quota // for all answers in progress; nil for no limit
	held    int    // bytes taken from all
}

type exchangeKey struct{}

// pageSize is how many entries a page is asked for: the most that OKMS sends (source: SW,
// X-Pagination-Size).
const pageSize = 100

// The headers of pages (source: SW, the headers of the Secret API).
const (
	headerSize   = "X-Pagination-Size"
	headerCursor = "X-Pagination-Cursor"
	headerNext   = "X-Pagination-Cursor-Next"
)

// exchangeOf returns the exchange in ctx; nil if there is none.
func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// close ends the exchange: it closes a connection whose handshake is incomplete, and returns
// bytes to the quota.
func (x *exchange) close() {
	x.conn.End()
	x.giveBack()
}

// giveBack returns the bytes of the answer to the quota.
func (x *exchange) giveBack() {
	if x.all != nil {
		x.all.Give(x.held)
		x.held = 0
	}
}

// read reads an answer, up to its limit, and closes its body. It replaces the previous answer.
func (x *exchange) read(resp *http.Response) error {
	defer resp.Body.Close()
	now := time.Now()
	x.giveBack()
	x.answer = answer{at: now, status: resp.StatusCode, sent: &x.sent,
		media: wire.MediaType(resp.Header), retryAfter: retryAfter(resp.Header, now),
		next: resp.Header.Get(headerNext)}
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal+1))
		if err != nil {
			return err
		}
		cut := len(body) > maxRefusal
		x.answer.refusal = decodeRefusal(body[:min(len(body), maxRefusal)], cut)
		return nil
	}
	body, err := x.readSecret(resp.Body, resp.ContentLength)
	x.answer.body = sensitive.New(body)
	return err
}

// firstRoom is the first size of the buffer for an answer of unknown length, in bytes.
const firstRoom = 4 << 10

// readSecret reads the body of a 200. It takes each buffer from the quota before it allocates
// it. promised is the Content-Length in bytes; -1 if there is none.
func (x *exchange) readSecret(body io.Reader, promised int64) ([]byte, error) {
	if promised > maxAnswer {
		return nil, errAnswerTooLong
	}
	room := firstRoom
	if promised >= 0 {
		room = int(promised) + 1 // one more byte, to read io.EOF without growing
	}
	var got []byte
	for {
		if len(got) == cap(got) {
			if x.all != nil {
				if !x.all.Take(x.request.kept+x.held, room-cap(got)) {
					return nil, errAnswersTooMany
				}
				x.held += room - cap(got)
			}
			got = append(make([]byte, 0, room), got...)
			room = min(2*room, maxAnswer+1)
		}
		n, err := body.Read(got[len(got):cap(got)])
		got = got[:len(got)+n]
		switch {
		case len(got) > maxAnswer:
			return nil, errAnswerTooLong
		case err == io.EOF && promised < 0:
			return append(make([]byte, 0, len(got)), got...), nil // a slice of the buffer would keep all of it in memory
		case err == io.EOF:
			return got[:len(got):len(got)], nil
		case err != nil:
			return nil, err
		}
	}
}
