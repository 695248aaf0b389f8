// SPDX-License-Identifier: Apache-2.0

package okms

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/place"
)

// Get reads what ref identifies. The error is nil if the read succeeded. The caller owns the
// Secret. That of a list has the text that VersionsOf or EntriesOf reads. Lists need the IAM action
// okms:apikms:secret/get, which a read of Data over KV2 does not need.
func (c *Client) Get(ctx context.Context, ref Ref) (secret Secret, failed *Error) {
	switch ref.What {
	case Versions:
		return c.versions(ctx, ref)
	case Folder:
		return c.folder(ctx, ref)
	case Data:
	}
	r := request{name: "read", path: ref.Path, target: "secret/data/" + ref.Path, query: url.Values{}}
	decode := decodeData
	if c.api == place.REST {
		r.target, decode = restPath(ref.Path), decodeREST
		r.query.Set("includeData", "true")
	}
	if ref.Version != 0 {
		r.query.Set("version", strconv.Itoa(ref.Version))
	}
	failed = c.exchange(ctx, r, func(a answer) (failed *Error) {
		secret, failed = decode(a, ref)
		return failed
	})
	return secret, failed
}

// LatestActive returns the highest number of an active version of a secret, 0 if there
// is none, and whether any version is listed. It needs the IAM action
// okms:apikms:secret/get, which a read of Data over KV2 does not need; without it, the Kind is
// Denied.
func (c *Client) LatestActive(ctx context.Context, path string) (latest int, some bool, failed *Error) {
	if c.api == place.REST {
		list, failed := c.versions(ctx, Ref{What: Versions, Path: path})
		for v := range VersionsOf(list) {
			if some = true; v.State == Active {
				return v.Number, true, nil
			}
		}
		return 0, some, failed
	}
	r := request{name: "versions", path: path, target: "secret/metadata/" + path}
	failed = c.exchange(ctx, r, func(a answer) (failed *Error) {
		latest, some, failed = decodeLatest(a)
		return failed
	})
	return latest, some, failed
}

// versions reads the list of a secret's versions.
func (c *Client) versions(ctx context.Context, ref Ref) (Secret, *Error) {
	r := request{name: "versions", path: ref.Path, target: "secret/metadata/" + ref.Path,
		tooLong: "the list of the secret's versions is longer than 1 MiB; lower its maxVersions, or set api to rest, which " +
			"reads the list in pages"}
	add := addVersions
	if c.api == place.REST {
		r.target, r.paged, r.tooLong, add = restPath(ref.Path)+"/version", true, "", addRESTVersions
	}
	list := pages[VersionState]{quota: c.answers, most: MaxVersion, mostPages: MaxVersion / pageSize}
	list.tooMany = fmt.Sprintf("the secret has more than %d versions, or %d pages of them; lower its maxVersions",
		list.most, list.mostPages)
	defer list.giveBack()
	if failed := collect(ctx, c, r, &list, add); failed != nil {
		return Secret{}, failed
	}
	return listOfVersions(ref, list.all)
}

// folder reads the entries of a folder. Over KV2 they are those of its next level, and folders
// are among them. Over REST, which can only list a whole domain, they are all secrets below it.
func (c *Client) folder(ctx context.Context, ref Ref) (Secret, *Error) {
	list := pages[string]{quota: c.answers, most: 10_000, mostPages: 10_000 / pageSize}
	list.tooMany = fmt.Sprintf("the folder has more than %d entries, %d pages or 1 MiB of them; use a longer path",
		list.most, list.mostPages)
	r := request{name: "list", path: ref.Path, target: "secret/metadata", paged: true}
	if ref.Path != "" {
		r.target, r.query = "secret/metadata/"+ref.Path, url.Values{"list": {"true"}}
	}
	add := addEntries
	if c.api == place.REST {
		r.target, r.query, add = "/v2/secret", nil, addRESTEntries
		r.tooLong = fmt.Sprintf("%d secrets of the domain have more than 1 MiB of metadata, which api rest lists too; set "+
			"api to kv2", pageSize)
		list.tooMany = fmt.Sprintf("the domain has more than %d secrets, %d pages or 1 MiB of paths, and api rest can only "+
			"list all of them; set api to kv2",
			list.most, list.mostPages)
	}
	defer list.giveBack()
	failed := collect(ctx, c, r, &list, func(a answer, to *pages[string]) *Error { return add(a, ref.Path, to) })
	if failed != nil {
		return Secret{}, failed
	}
	return listOfEntries(ref, list.all), nil
}

// collect sends a request for each page of a list, which add adds to the list. It never cuts a
// list: one with too many pages is an error.
func collect[T comparable](ctx context.Context, c *Client, r request, to *pages[T],
	add func(answer, *pages[T]) *Error) *Error {
	used := map[string]bool{}
	for range to.mostPages {
		var next string
		to.begin()
		r.kept = to.held
		failed := c.exchange(ctx, r, func(a answer) *Error {
			if failed := add(a, to); failed != nil {
				return failed
			}
			switch next = a.next; {
			case !r.paged || next == "":
				next = ""
				return nil
			case !isCursor(next):
				return a.unreadable("", "the cursor of the next page is invalid")
			case used[next] || to.repeats():
				return a.unreadable("", "the pages of the list have no end")
			}
			return nil
		})
		switch {
		case failed != nil && failed.Kind == failure.SecretAbsent && to.number > 1:
			// The list would be cut, and an optional object would hide that.
			failed.Kind, failed.Text = failure.Unreadable, "unreadable answer: a page of the list is missing"
			return failed
		case failed != nil || next == "":
			return failed
		}
		used[next] = true
		r.cursor = next
	}
	return to.overflow()
}

// maxCursor limits the cursor of a page in bytes.
const maxCursor = 1 << 10

// isCursor reports whether a server's text can be sent back in a header.
func isCursor(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return len(text) <= maxCursor
}
