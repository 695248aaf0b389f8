// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"slices"

	"ovhcloud-csi-provider/provider/failure"
)

// pages collects the entries of a list while its pages are read.
type pages[T comparable] struct {
	quota *Quota // for all answers in progress; nil for no limit
	held  int    // bytes taken from quota
	// most limits the entries, mostPages the pages, and maxAnswer the bytes of their text.
	// tooMany is the text of the Error beyond, with its cure.
	most, mostPages int
	tooMany         string

	all  []T
	text int // bytes of the text of all
	// number counts the pages. page is where this one begins in all, before where the last one
	// does.
	number, page, before int
}

// begin begins a page.
func (p *pages[T]) begin() {
	p.number++
	p.before, p.page = p.page, len(p.all)
}

// perEntry is the memory in bytes that an entry takes in addition to its text, with the slice
// that the list outgrows. Measured: at most 60.
const perEntry = 80

// add adds an entry of an answer, whose line has so many bytes without its end. It takes the memory of both copies
// of the text from the quota first.
func (p *pages[T]) add(a answer, entry T, text int) *Error {
	if len(p.all) == p.most || p.text+text > maxAnswer {
		return p.overflow()
	}
	takes := perEntry + 2*text
	if p.quota != nil && !p.quota.Take(p.held+a.body.Len(), takes) {
		return &Error{Kind: failure.NodeFull, Text: errAnswersTooMany.Error()}
	}
	p.held += takes
	p.text += text
	p.all = append(p.all, entry)
	return nil
}

// repeats reports whether the page has the same entries as the page before it: the server does
// not obey the cursor. A page without entries says nothing: OKMS leaves out what the credential
// may not get.
func (p *pages[T]) repeats() bool {
	return p.page < len(p.all) && slices.Equal(p.all[p.before:p.page], p.all[p.page:])
}

// overflow returns the Error of a list that is too long to be read.
func (p *pages[T]) overflow() *Error { return &Error{Kind: failure.TooLarge, Text: p.tooMany} }

// giveBack returns the bytes of the list to the quota.
func (p *pages[T]) giveBack() {
	if p.quota != nil {
		p.quota.Give(p.held)
	}
	p.held = 0
}
