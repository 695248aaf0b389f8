// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

// registrationDir is the mount point of kubelet's directory of plugin registrations, as in the original.
const registrationDir = "/registration"

// plugin answers kubelet's registration calls with the driver's name and socket.
type plugin struct {
	registration.UnimplementedRegistrationServer
	name, endpoint string
}

func (p plugin) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{
		Type: registration.CSIPlugin, Name: p.name, Endpoint: p.endpoint, SupportedVersions: []string{"1.0.0"},
	}, nil
}

func (p plugin) NotifyRegistrationStatus(_ context.Context,
	s *registration.RegistrationStatus) (*registration.RegistrationStatusResponse, error) {
	fmt.Printf("kubelet registered %s: %t %s\n", p.name, s.PluginRegistered, s.Error)
	return &registration.RegistrationStatusResponse{}, nil
}

// registrar does what node-driver-registrar does until ctx ends.
func registrar(ctx context.Context, args []string) error {
	set := flag.NewFlagSet("registrar", flag.ContinueOnError)
	address := set.String("csi-address", "/csi/csi.sock", "the driver's socket")
	path := set.String("kubelet-registration-path", "", "the same socket, as kubelet sees it")
	set.Int("v", 0, "accepted for compatibility; has no effect")
	if err := set.Parse(args); err != nil {
		return err
	}
	name, err := driverName(ctx, *address)
	if err != nil {
		return err
	}
	socket := filepath.Join(registrationDir, name+"-reg.sock")
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("listening for kubelet: %w", err)
	}
	server := grpc.NewServer()
	registration.RegisterRegistrationServer(server, plugin{name: name, endpoint: *path})
	defer context.AfterFunc(ctx, server.Stop)()
	return server.Serve(listener)
}

// driverName returns the driver's name. It waits until the driver's socket exists.
func driverName(ctx context.Context, address string) (string, error) {
	conn, err := dial(address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	info, err := csi.NewIdentityClient(conn).GetPluginInfo(ctx, &csi.GetPluginInfoRequest{}, grpc.WaitForReady(true))
	if err != nil {
		return "", fmt.Errorf("asking the driver on %s for its name: %w", address, err)
	}
	return info.GetName(), nil
}

func dial(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient("unix:"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
}
