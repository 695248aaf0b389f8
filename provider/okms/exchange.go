package okms

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"ovhcloud-csi-provider/provider/wire"
)

// Bounds of an answer in bytes. A secret is at most 64 KB (OVHcloud's guide), which JSON
// escapes can make six times as long. A refusal has a few short texts; it fits into
// the share of the quota that each read has anyway, and is not counted.
const (
	maxAnswer  = 1 << 20
	maxRefusal = 64 << 10
)

var (
	errAnswerTooLong  = errors.New("answer longer than 1 MiB")
	errAnswersTooMany = errors.New("the mounts of this node read too many large secrets at once")
)

// exchange is one request to OKMS and what came of it. It travels in the context, past
// vault/api, from Client to the transport and back: vault/api would read a body whole,
// and decode that of a refusal into whatever it says.
type exchange struct {
	ctx     context.Context // of the exchange: that of a dial is detached from it
	phase   phase
	shaking handshake
	sent    sentTexts
	answer  answer
	whole   bool   // the answer is the one that counts, and was read to its end or its bound
	all     *Quota // of all answers under way; may be nil
	held    int    // of all
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// close ends the exchange.
func (x *exchange) close() {
	x.shaking.abandon()
	x.giveBack()
}

// giveBack gives back what the answer took of the quota.
func (x *exchange) giveBack() {
	if x.all != nil {
		x.all.Give(x.held)
		x.held = 0
	}
}

// read takes in an answer, within its bounds, and closes it.
func (x *exchange) read(resp *http.Response) error {
	defer resp.Body.Close()
	now := time.Now()
	x.giveBack()
	x.answer = answer{at: now, status: resp.StatusCode, sent: &x.sent,
		media: wire.MediaType(resp.Header), retryAfter: retryAfter(resp.Header, now)}
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
	x.answer.body = body
	return err
}

// firstRoom is what is made ready for an answer of unknown length, in bytes.
const firstRoom = 4 << 10

// readSecret reads the body of a 200 into memory that it counts before it takes it.
// promised is the length that the server states, -1 for none.
func (x *exchange) readSecret(body io.Reader, promised int64) ([]byte, error) {
	if promised > maxAnswer {
		return nil, errAnswerTooLong
	}
	room := firstRoom
	if promised >= 0 {
		room = int(promised) + 1 // one more to see the end
	}
	var got []byte
	for {
		if len(got) == cap(got) {
			if x.all != nil {
				if !x.all.Take(x.held, room-cap(got)) {
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
			return append(make([]byte, 0, len(got)), got...), nil // whoever keeps a part of it keeps it all
		case err == io.EOF:
			return got[:len(got):len(got)], nil
		case err != nil:
			return nil, err
		}
	}
}
