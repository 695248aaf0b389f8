// SPDX-License-Identifier: Apache-2.0

// Package provider calls a provider's socket with the gRPC service config that the driver and
// secrets-store-sync-controller v0.0.4 have.
package provider

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
)

// serviceConfig waits for the socket, and retries only after UNAVAILABLE. A retry
// takes a second, so a caller sees it by the time.
const serviceConfig = `{"methodConfig": [{"name": [{"service": "v1alpha1.CSIDriverProvider"}], "waitForReady": true,
	"retryPolicy": {"maxAttempts": 3, "initialBackoff": "1s", "maxBackoff": "10s", "backoffMultiplier": 1.1,
	"retryableStatusCodes": ["UNAVAILABLE"]}}]}`

// Dial returns a client of the socket, and a function that closes it.
func Dial(socket string) (client pb.CSIDriverProviderClient, closed func() error, err error) {
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("localhost"), grpc.WithDefaultServiceConfig(serviceConfig))
	if err != nil {
		return nil, nil, err
	}
	return pb.NewCSIDriverProviderClient(conn), conn.Close, nil
}
