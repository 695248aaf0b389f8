// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
)

// cluster calls the API server through kubectl proxy, so that every way to log in that kubectl knows works here too.
type cluster struct {
	url   string
	http  *http.Client
	proxy *exec.Cmd
}

// connect starts kubectl proxy. The caller closes the cluster.
func connect(ctx context.Context) (*cluster, error) {
	c := &cluster{proxy: exec.CommandContext(ctx, "kubectl", "proxy", "--port=0"),
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	out, err := c.proxy.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.proxy.Start(); err != nil {
		return nil, fmt.Errorf("starting kubectl: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n') // Starting to serve on 127.0.0.1:40001
	if err != nil {
		return nil, fmt.Errorf("kubectl proxy ended: %w", err)
	}
	fields := strings.Fields(line)
	c.url = "http://" + fields[len(fields)-1]
	return c, nil
}

func (c *cluster) close() {
	_ = c.proxy.Process.Kill()
	_ = c.proxy.Wait()
}

// call sends a request with a JSON body, or without one if body is nil, and returns the answer.
func (c *cluster) call(ctx context.Context, method, path string, body any) ([]byte, error) {
	resp, err := c.send(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %.300s", method, path, resp.Status, answer)
	}
	return answer, err
}

// get decodes the JSON answer to a GET.
func (c *cluster) get(ctx context.Context, path string, answer any) error {
	text, err := c.call(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, answer)
}

// send sends a request and returns the answer, whose body the caller closes.
func (c *cluster) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		sent = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, sent)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	return c.http.Do(req)
}

// store returns the path of the emulator's control API.
func store(path string) string { return "/api/v1/namespaces/okms/pods/okms:18444/proxy/" + path }
