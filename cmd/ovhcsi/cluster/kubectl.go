// SPDX-License-Identifier: Apache-2.0

// Package cluster reads objects of a Kubernetes cluster. It never writes: a Reader has no request but
// GET.
package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"ovhcloud-csi-provider/provider/message"
)

// Reader reads the API of a cluster.
type Reader interface {
	// Get returns the answer to a GET of a path of the API, such as /api/v1/nodes?limit=500. The
	// error wraps ErrForbidden or ErrAbsent if the API server answered so.
	Get(ctx context.Context, path string) ([]byte, error)
}

// The errors of a Reader that are answers of the API server.
var (
	ErrForbidden = errors.New("not permitted")
	ErrAbsent    = errors.New("not found")
)

// Kubectl is a Reader that runs kubectl, so that every way to log in that kubectl knows works here
// too. The zero value uses the current context.
type Kubectl struct {
	// Kubeconfig is the file for --kubeconfig, and Context the name for --context; "" for
	// kubectl's own.
	Kubeconfig, Context string
}

// requestTimeout is the longest time of one request.
const requestTimeout = "30s"

// Get implements Reader.
func (k Kubectl) Get(ctx context.Context, path string) ([]byte, error) {
	args := []string{"get", "--raw", path, "--request-timeout", requestTimeout}
	if k.Kubeconfig != "" {
		args = append(args, "--kubeconfig", k.Kubeconfig)
	}
	if k.Context != "" {
		args = append(args, "--context", k.Context)
	}
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, "kubectl", args...)
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	switch said := strings.TrimSpace(stderr.String()); {
	case err == nil:
		return stdout.Bytes(), nil
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("kubectl is not on the PATH; install it, or run this where it is")
	case strings.Contains(said, "(Forbidden)"):
		return nil, fmt.Errorf("%w: kubectl: %s", ErrForbidden, message.OneLine(said))
	case strings.Contains(said, "(NotFound)"):
		return nil, fmt.Errorf("%w: kubectl: %s", ErrAbsent, message.OneLine(said))
	case said != "":
		return nil, fmt.Errorf("kubectl: %s", message.OneLine(said))
	default:
		return nil, fmt.Errorf("kubectl: %w", err)
	}
}
