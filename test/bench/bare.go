// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"

	"google.golang.org/grpc"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
)

// bare is the floor of many mounts at once: a provider that only decodes the request, reads each
// secret once and answers. It has no bounds but that of the reads, no rules, no errors that help, no
// log and no metrics, and it trusts what it is sent.
type bare struct {
	pb.UnimplementedCSIDriverProviderServer
	connect sync.Once
	client  *http.Client
	places  chan struct{}

	mu    sync.Mutex
	reads map[string]func() (map[string]string, error)
}

// serveBare serves on a socket until ctx is done.
func serveBare(ctx context.Context, socket string) error {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	s := grpc.NewServer()
	pb.RegisterCSIDriverProviderServer(s,
		&bare{places: make(chan struct{}, room), reads: map[string]func() (map[string]string, error){}})
	context.AfterFunc(ctx, s.Stop)
	fmt.Println("serving") // startBare waits for it
	return s.Serve(l)
}

// startBare starts the floor as a process. The caller stops it.
func (b *bench) startBare() (*daemon, error) {
	b.started++
	socket := filepath.Join(b.folder, fmt.Sprintf("%d.sock", b.started))
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	d := &daemon{process: exec.Command(self, "-bare", socket), logged: make(chan struct{})}
	close(d.logged)
	d.process.Stderr = os.Stderr
	serving, err := d.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := d.process.Start(); err != nil {
		return nil, err
	}
	if _, err := serving.Read(make([]byte, 1)); err != nil {
		return nil, errors.Join(err, d.stop())
	}
	if err := d.dial(socket); err != nil {
		return nil, errors.Join(err, d.stop())
	}
	return d, nil
}

// Version is the empty call.
func (*bare) Version(context.Context, *pb.VersionRequest) (*pb.VersionResponse, error) {
	return &pb.VersionResponse{Version: "v1alpha1", RuntimeName: "bare", RuntimeVersion: "0"}, nil
}

var object = regexp.MustCompile(`- secretPath: (\S+)\n  secretKey: (\S+)\n  objectName: (\S+)\n`)

// Mount reads the secrets of a request of bench.
func (p *bare) Mount(ctx context.Context, in *pb.MountRequest) (*pb.MountResponse, error) {
	var attributes, credentials map[string]string
	if err := errors.Join(json.Unmarshal([]byte(in.GetAttributes()), &attributes),
		json.Unmarshal([]byte(in.GetSecrets()), &credentials)); err != nil {
		return nil, err
	}
	objects := object.FindAllStringSubmatch(attributes["objects"], -1)
	out := &pb.MountResponse{Files: make([]*pb.File, len(objects)), ObjectVersion: make([]*pb.ObjectVersion, len(objects))}
	failed := make([]error, len(objects))
	var all sync.WaitGroup
	for i, o := range objects {
		all.Go(func() {
			data, err := p.secret(attributes, credentials["token"], o[1])
			failed[i] = err
			out.Files[i] = &pb.File{Path: o[3], Mode: 0o644, Contents: []byte(data[o[2]])}
			out.ObjectVersion[i] = &pb.ObjectVersion{Id: o[3], Version: "1"}
		})
	}
	all.Wait()
	return out, errors.Join(failed...)
}

// secret returns a secret that is read once for all mounts.
func (p *bare) secret(attributes map[string]string, token, path string) (map[string]string, error) {
	p.mu.Lock()
	read := p.reads[path]
	if read == nil {
		read = sync.OnceValues(func() (map[string]string, error) { return p.get(attributes, token, path) })
		p.reads[path] = read
	}
	p.mu.Unlock()
	return read()
}

// get reads a secret from the store.
func (p *bare) get(attributes map[string]string, token, path string) (map[string]string, error) {
	p.connect.Do(func() {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(attributes["caBundle"]))
		p.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots},
			ForceAttemptHTTP2: true}}
	})
	p.places <- struct{}{}
	defer func() { <-p.places }()
	req, err := http.NewRequest(http.MethodGet,
		fmt.Sprintf("%s/api/%s/v1/secret/data/%s", attributes["endpoint"], attributes["okmsId"], path), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer struct {
		Data struct{ Data map[string]string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the store answered %s: %w", resp.Status, err)
	}
	return answer.Data.Data, nil
}
