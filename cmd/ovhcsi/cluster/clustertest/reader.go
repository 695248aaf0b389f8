// SPDX-License-Identifier: Apache-2.0

package clustertest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
)

// Reader reads an API server of Start without kubectl.
type Reader struct{ *httptest.Server }

// Get implements cluster.Reader.
func (r Reader) Get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := r.Client().Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode == http.StatusForbidden:
		return nil, fmt.Errorf("%w: %s", cluster.ErrForbidden, text)
	case response.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%w: %s", cluster.ErrAbsent, text)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("HTTP status %d: %s", response.StatusCode, text)
	}
	return text, nil
}
