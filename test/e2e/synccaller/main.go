// SPDX-License-Identifier: Apache-2.0

// Command synccaller calls a provider once, exactly as secrets-store-sync-controller v0.0.4 does: without a workload
// pod and without nodePublishSecretRef, and with that program's gRPC service config and file permission. It reads the
// parameters of a SecretProviderClass as a JSON object on standard input, and prints the answer as JSON. Only the
// end-to-end scenarios use it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"time"

	"google.golang.org/grpc/status"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/test/e2e/provider"
)

// answer is the JSON output.
type answer struct {
	Code     string            `json:"code"`
	Message  string            `json:"message,omitempty"`
	Files    map[string]string `json:"files,omitempty"`
	Versions map[string]string `json:"versions,omitempty"`
}

func main() {
	socket := flag.String("socket", "/provider/ovhcloud.sock", "the provider's socket")
	namespace := flag.String("namespace", "default", "the namespace of the SecretSync")
	flag.Parse()
	if err := run(*socket, *namespace, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "synccaller:", err)
		os.Exit(1)
	}
}

func run(socket, namespace string, in io.Reader, out io.Writer) error {
	parameters := map[string]string{}
	if err := json.NewDecoder(in).Decode(&parameters); err != nil {
		return fmt.Errorf("reading parameters: %w", err)
	}
	attributes, err := json.Marshal(requestOf(parameters, namespace))
	if err != nil {
		return err
	}
	client, closed, err := provider.Dial(socket)
	if err != nil {
		return err
	}
	defer closed()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	resp, err := client.Mount(ctx, &pb.MountRequest{
		Attributes: string(attributes), Secrets: "{}", Permission: "420", TargetPath: "/mnt/secrets-store",
	})
	return json.NewEncoder(out).Encode(answerOf(resp, err))
}

// requestOf returns the parameters with the attributes that the controller adds, such as its own pod's name and the
// namespace of the SecretSync.
func requestOf(parameters map[string]string, namespace string) map[string]string {
	all := maps.Clone(parameters)
	all["csi.storage.k8s.io/pod.name"] = "secrets-store-sync-controller-0"
	all["csi.storage.k8s.io/pod.uid"] = "5a1f6d3e-0000-4000-8000-000000000000"
	all["csi.storage.k8s.io/pod.namespace"] = namespace
	all["csi.storage.k8s.io/serviceAccount.name"] = "default"
	all["csi.storage.k8s.io/serviceAccount.tokens"] =
		`{"ovhcloud":{"token":"e2e-service-account-token","expirationTimestamp":"2030-01-01T00:00:00Z"}}`
	return all
}

func answerOf(resp *pb.MountResponse, err error) answer {
	a := answer{Code: status.Code(err).String(), Message: status.Convert(err).Message(), Files: map[string]string{},
		Versions: map[string]string{}}
	for _, f := range resp.GetFiles() {
		a.Files[f.GetPath()] = string(f.GetContents())
	}
	for _, v := range resp.GetObjectVersion() {
		a.Versions[v.GetId()] = v.GetVersion()
	}
	return a
}
