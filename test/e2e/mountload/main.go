// SPDX-License-Identifier: Apache-2.0

// Command mountload calls a provider at a fixed rate, on one connection as the driver does, until a file exists. It
// reads the parameters of a SecretProviderClass as a JSON object on standard input. At the end it prints as JSON how
// many mounts there were, which failed, and the different answers. Only the end-to-end scenarios use it; their values
// are no secrets.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc/status"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/test/e2e/provider"
)

// summary is the JSON output.
type summary struct {
	Mounts    int            `json:"mounts"`
	Seconds   float64        `json:"seconds"`
	SlowestMs int64          `json:"slowestMs"` // the slowest mount
	Failed    map[string]int `json:"failed"`    // how many mounts, by code and message
	// Answers is how many mounts had an answer: its files' versions, and a hash over their contents.
	Answers map[string]int `json:"answers"`
}

// load is the mounts so far.
type load struct {
	client  pb.CSIDriverProviderClient
	request *pb.MountRequest
	mu      sync.Mutex
	summary
}

func main() {
	socket := flag.String("socket", "/provider/ovhcloud.sock", "the provider's socket")
	namespace := flag.String("namespace", "default", "the namespace of the class")
	token := flag.String("token", "", "the token for the store")
	every := flag.Duration("every", 20*time.Millisecond, "the time between two mounts")
	stop := flag.String("stop", "/stop", "the file that ends the load")
	flag.Parse()
	if err := run(*socket, *namespace, *token, *every, *stop); err != nil {
		fmt.Fprintln(os.Stderr, "mountload:", err)
		os.Exit(1)
	}
}

func run(socket, namespace, token string, every time.Duration, stop string) error {
	request, err := requestOf(namespace, token)
	if err != nil {
		return err
	}
	client, closed, err := provider.Dial(socket)
	if err != nil {
		return err
	}
	defer closed()
	l := &load{client: client, request: request, summary: summary{Failed: map[string]int{}, Answers: map[string]int{}}}
	var all sync.WaitGroup
	began := time.Now()
	for ticks := time.Tick(every); ; <-ticks {
		if _, err := os.Stat(stop); err == nil {
			break
		}
		all.Go(l.mount)
	}
	l.Seconds = time.Since(began).Seconds()
	all.Wait()
	return json.NewEncoder(os.Stdout).Encode(l.summary)
}

// requestOf returns the request of the driver for a pod, with the parameters on standard input.
func requestOf(namespace, token string) (*pb.MountRequest, error) {
	parameters := map[string]string{}
	if err := json.NewDecoder(os.Stdin).Decode(&parameters); err != nil {
		return nil, fmt.Errorf("reading parameters: %w", err)
	}
	maps.Copy(parameters, map[string]string{"csi.storage.k8s.io/pod.name": "load",
		"csi.storage.k8s.io/pod.uid":             "5a1f6d3e-0000-4000-8000-000000000001",
		"csi.storage.k8s.io/pod.namespace":       namespace,
		"csi.storage.k8s.io/serviceAccount.name": "default", "secretProviderClass": "load"})
	attributes, err := json.Marshal(parameters)
	if err != nil {
		return nil, err
	}
	secrets, err := json.Marshal(map[string]string{"token": token})
	return &pb.MountRequest{Attributes: string(attributes), Secrets: string(secrets), Permission: "420",
		TargetPath: "/mnt/load"}, err
}

// mount calls the provider once.
func (l *load) mount() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	began := time.Now()
	resp, err := l.client.Mount(ctx, l.request)
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Mounts++
	l.SlowestMs = max(l.SlowestMs, took.Milliseconds())
	if err != nil {
		l.Failed[status.Code(err).String()+": "+status.Convert(err).Message()]++
		return
	}
	l.Answers[answerOf(resp)]++
}

// answerOf returns the versions of an answer, in its order, and a hash over its files.
func answerOf(resp *pb.MountResponse) string {
	h := sha256.New()
	for _, f := range resp.GetFiles() {
		fmt.Fprintf(h, "%q %o %q\n", f.GetPath(), f.GetMode(), f.GetContents())
	}
	text := hex.EncodeToString(h.Sum(nil)[:4])
	for _, v := range resp.GetObjectVersion() {
		text += " " + v.GetId() + "=" + v.GetVersion()
	}
	return text
}
