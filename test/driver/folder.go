// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	secretsstorev1 "sigs.k8s.io/secrets-store-csi-driver/apis/v1"
	secretsstore "sigs.k8s.io/secrets-store-csi-driver/pkg/secrets-store"
)

// folders replaces the driver's node server on systems where no tmpfs can be mounted. It calls the provider and writes
// the files with the driver's own code, into a plain folder. It calls the provider at each publish.
type folders struct {
	csi.UnimplementedNodeServer
	cluster   *cluster
	providers *secretsstore.PluginClientBuilder
}

// serveFolders serves until ctx ends.
func (n *Node) serveFolders(ctx context.Context, socket string) error {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	csi.RegisterNodeServer(server, &folders{cluster: n.cluster, providers: n.providers})
	n.running.Go(func() { server.Serve(listener) }) // ends with Stop
	n.running.Go(func() {
		<-ctx.Done()
		server.GracefulStop()
	})
	return nil
}

func (f *folders) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: nodeName}, nil
}

func (f *folders) NodePublishVolume(ctx context.Context,
	req *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	attributes := req.GetVolumeContext()
	pod := podName(attributes)
	class := &secretsstorev1.SecretProviderClass{}
	key := client.ObjectKey{Namespace: pod.Namespace, Name: attributes["secretProviderClass"]}
	if err := f.cluster.client.Get(ctx, key, class); err != nil {
		return nil, fmt.Errorf("failed to get secretproviderclass %s, error: %w", key, err)
	}
	target := req.GetTargetPath()
	_, err := os.Stat(target)
	remount := err == nil
	if err := os.MkdirAll(target, 0o750); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	versions, err := f.mount(ctx, class, req)
	if err != nil && remount {
		return &csi.NodePublishVolumeResponse{}, nil // as the driver does: the old files stay, and kubelet gets no error
	}
	if err != nil {
		return nil, fmt.Errorf("failed to mount secrets store objects for pod %s, err: %w", pod, err)
	}
	return &csi.NodePublishVolumeResponse{}, f.report(ctx, class.Name, target, attributes, versions)
}

// mount sends the provider the same request as the driver.
func (f *folders) mount(ctx context.Context, class *secretsstorev1.SecretProviderClass,
	req *csi.NodePublishVolumeRequest) (map[string]string, error) {
	parameters := maps.Clone(class.Spec.Parameters)
	maps.Copy(parameters, req.GetVolumeContext())
	attributes, err := json.Marshal(parameters)
	if err != nil {
		return nil, err
	}
	secrets, err := json.Marshal(req.GetSecrets())
	if err != nil {
		return nil, err
	}
	provider, err := f.providers.Get(ctx, string(class.Spec.Provider))
	if err != nil {
		return nil, err
	}
	versions, _, err := secretsstore.MountContent(ctx, provider, string(attributes), string(secrets), req.GetTargetPath(),
		"420", nil)
	return versions, err
}

// report writes the SecretProviderClassPodStatus that the driver's controller watches.
func (f *folders) report(ctx context.Context, class, target string, attributes, versions map[string]string) error {
	pod := podName(attributes)
	report := &secretsstorev1.SecretProviderClassPodStatus{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: pod.Namespace,
			Name:      strings.Join([]string{pod.Name, pod.Namespace, class}, "-"),
			Labels:    map[string]string{secretsstorev1.InternalNodeLabel: nodeName},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: types.UID(attributes["csi.storage.k8s.io/pod.uid"]),
			}},
		},
		Status: secretsstorev1.SecretProviderClassPodStatusStatus{
			PodName: pod.Name, SecretProviderClassName: class, TargetPath: target, Mounted: true,
		},
	}
	for _, id := range slices.Sorted(maps.Keys(versions)) {
		report.Status.Objects = append(report.Status.Objects,
			secretsstorev1.SecretProviderClassObject{ID: id, Version: versions[id]})
	}
	return f.cluster.apply(report, &secretsstorev1.SecretProviderClassPodStatus{})
}

func podName(attributes map[string]string) types.NamespacedName {
	return types.NamespacedName{
		Namespace: attributes["csi.storage.k8s.io/pod.namespace"], Name: attributes["csi.storage.k8s.io/pod.name"],
	}
}

func (f *folders) NodeUnpublishVolume(_ context.Context,
	req *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	if req.GetTargetPath() == "" {
		return nil, status.Error(codes.InvalidArgument, "target path missing in request")
	}
	return &csi.NodeUnpublishVolumeResponse{}, os.RemoveAll(req.GetTargetPath())
}
