// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// Part is what was read of one kind of objects. If Err is not nil, Items may be incomplete.
type Part[T any] struct {
	Items []T
	Err   error
}

// pageSize is how many objects one request asks for.
const pageSize = "500"

// list reads all objects of a path, page by page, and keeps those for which keep is true. A nil keep
// keeps all.
func list[T any](ctx context.Context, from Reader, path string, keep func(T) bool) (all Part[T]) {
	for next := ""; ; {
		query := url.Values{"limit": {pageSize}}
		if next != "" {
			query.Set("continue", next)
		}
		separator := "?"
		if strings.Contains(path, "?") {
			separator = "&"
		}
		text, err := from.Get(ctx, path+separator+query.Encode())
		if err != nil {
			return Part[T]{all.Items, err}
		}
		var page struct {
			Metadata struct{ Continue string }
			Items    []T
		}
		if err := json.Unmarshal(text, &page); err != nil {
			return Part[T]{all.Items, fmt.Errorf("the list %s is not readable: %w", path, err)}
		}
		for _, one := range page.Items {
			if keep == nil || keep(one) {
				all.Items = append(all.Items, one)
			}
		}
		if next = page.Metadata.Continue; next == "" {
			return all
		}
	}
}

// get reads one object. Items has one element, or none if Err is not nil.
func get[T any](ctx context.Context, from Reader, path string) Part[T] {
	text, err := from.Get(ctx, path)
	if err != nil {
		return Part[T]{Err: err}
	}
	var one T
	if err := json.Unmarshal(text, &one); err != nil {
		return Part[T]{Err: fmt.Errorf("%s is not readable: %w", path, err)}
	}
	return Part[T]{Items: []T{one}}
}
