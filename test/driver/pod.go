// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	secretsstorev1 "sigs.k8s.io/secrets-store-csi-driver/apis/v1"
)

const (
	volumeName = "secrets"
	// unpublishTimeout is how long a volume may stay busy.
	unpublishTimeout = 20 * time.Second
)

// PodSpec describes a pod with one volume of the driver. Namespace, Name and Class are required.
type PodSpec struct {
	Namespace, Name string
	Class           string            // the SecretProviderClass, in the pod's namespace
	Credentials     string            // the Secret of nodePublishSecretRef; empty means none
	Attributes      map[string]string // additional volumeAttributes
}

// Pod is a pod scheduled to a node. Its methods do what kubelet does. They must not run concurrently for one pod.
type Pod struct {
	spec   PodSpec
	node   *Node
	uid    string
	target string
}

// Schedule creates a pod on the node and mounts nothing.
func (n *Node) Schedule(spec PodSpec) (*Pod, error) {
	random := make([]byte, 16)
	rand.Read(random)
	uid := hex.EncodeToString(random)
	readOnly := true
	source := &corev1.CSIVolumeSource{Driver: driverName, ReadOnly: &readOnly, VolumeAttributes: volumeAttributes(spec)}
	if spec.Credentials != "" {
		source.NodePublishSecretRef = &corev1.LocalObjectReference{Name: spec.Credentials}
	}
	volume := corev1.Volume{Name: volumeName, VolumeSource: corev1.VolumeSource{CSI: source}}
	object := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: spec.Namespace, Name: spec.Name, UID: types.UID(uid)},
		Spec:       corev1.PodSpec{NodeName: nodeName, Volumes: []corev1.Volume{volume}},
	}
	if err := n.cluster.client.Create(context.Background(), object); err != nil {
		return nil, fmt.Errorf("creating pod %s/%s: %w", spec.Namespace, spec.Name, err)
	}
	return &Pod{spec: spec, node: n, uid: uid, target: filepath.Join(n.volumeFolder(uid), "mount")}, nil
}

func volumeAttributes(spec PodSpec) map[string]string {
	attributes := map[string]string{"secretProviderClass": spec.Class}
	maps.Copy(attributes, spec.Attributes)
	return attributes
}

// Publish mounts or updates the pod's volume, as kubelet does when the pod starts and about once a minute afterwards.
// The error is a gRPC status with the text that `kubectl describe pod` shows.
func (p *Pod) Publish() error { return p.PublishWithin(context.Background()) }

// PublishWithin is Publish with a deadline: ctx, if it ends before kubelet's two minutes.
func (p *Pod) PublishWithin(ctx context.Context) error {
	secrets, err := p.credentials(ctx)
	if err != nil {
		return err
	}
	// kubelet creates the parent of the target, and the driver creates the target.
	if err := os.MkdirAll(filepath.Dir(p.target), 0o750); err != nil {
		return err
	}
	p.node.remember(p)
	ctx, cancel := context.WithTimeout(ctx, kubeletTimeout)
	defer cancel()
	_, err = p.node.csi.NodePublishVolume(ctx, &csi.NodePublishVolumeRequest{
		VolumeId:         "csi-" + p.uid,
		TargetPath:       p.target,
		VolumeCapability: mountCapability(),
		Readonly:         true,
		Secrets:          secrets,
		VolumeContext:    p.volumeContext(),
	})
	if err != nil && IsFinal(err) {
		return errors.Join(err, p.removeTarget())
	}
	return err
}

// IsFinal returns whether kubelet treats a publish error as final and removes the target folder (csi_client.go in
// Kubernetes v1.35, isFinalError). After an error that is not final the folder stays, the driver assumes that it is
// mounted, and the pod starts with an empty volume.
func IsFinal(err error) bool {
	switch status.Code(err) {
	case codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted, codes.Aborted:
		return false
	}
	return true
}

// removeTarget does what kubelet's removeMountDir does. It fails if the folder is not empty or still mounted.
func (p *Pod) removeTarget() error {
	if err := os.Remove(p.target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the target folder after a failed publish: %w", err)
	}
	return nil
}

// credentials returns the data of the pod's nodePublishSecretRef; nil if it has none. kubelet reads it at each publish.
func (p *Pod) credentials(ctx context.Context) (map[string]string, error) {
	if p.spec.Credentials == "" {
		return nil, nil
	}
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: p.spec.Namespace, Name: p.spec.Credentials}
	if err := p.node.cluster.client.Get(ctx, key, secret); err != nil {
		return nil, fmt.Errorf("reading nodePublishSecretRef: %w", err)
	}
	data := make(map[string]string, len(secret.Data))
	for key, value := range secret.Data {
		data[key] = string(value)
	}
	return data, nil
}

// volumeContext returns the volumeAttributes with kubelet's information about the pod, which overrides them.
func (p *Pod) volumeContext() map[string]string {
	all := volumeAttributes(p.spec)
	maps.Copy(all, map[string]string{
		"csi.storage.k8s.io/pod.name":            p.spec.Name,
		"csi.storage.k8s.io/pod.namespace":       p.spec.Namespace,
		"csi.storage.k8s.io/pod.uid":             p.uid,
		"csi.storage.k8s.io/serviceAccount.name": "default",
		"csi.storage.k8s.io/ephemeral":           "true",
	})
	return all
}

func mountCapability() *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}},
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY},
	}
}

// Unpublish unmounts the volume, as kubelet does when the pod ends. It is no error if there is none.
func (p *Pod) Unpublish() error {
	ctx, cancel := context.WithTimeout(context.Background(), unpublishTimeout)
	defer cancel()
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	for {
		_, err := p.node.csi.NodeUnpublishVolume(ctx,
			&csi.NodeUnpublishVolumeRequest{VolumeId: "csi-" + p.uid, TargetPath: p.target})
		if err == nil {
			p.node.forget(p)
			return nil
		}
		// Retry, as kubelet does: between fork and exec, a new process holds this process's open files, so the volume
		// may be busy for a moment.
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("unpublishing the volume of pod %s/%s: %w", p.spec.Namespace, p.spec.Name, err)
		}
	}
}

// Target returns the folder of the volume on the node.
func (p *Pod) Target() string { return p.target }

// File is a file as a container of the pod sees it.
type File struct {
	Content string
	Mode    fs.FileMode // permission bits
}

// Files returns the files of the volume by their path in it. It is empty for a volume without files, and an error for a
// volume that does not exist.
func (p *Pod) Files() (map[string]File, error) {
	files := map[string]File{}
	if err := collect(files, p.target, ""); err != nil {
		return nil, fmt.Errorf("reading the volume of pod %s/%s: %w", p.spec.Namespace, p.spec.Name, err)
	}
	return files, nil
}

// collect follows links: the files that a container sees are links into a hidden folder of the driver's writer.
func collect(files map[string]File, root, folder string) error {
	entries, err := os.ReadDir(filepath.Join(root, folder))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if folder == "" && strings.HasPrefix(entry.Name(), "..") {
			continue // internal to the writer
		}
		name := filepath.Join(folder, entry.Name())
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if info.IsDir() {
			if err := collect(files, root, name); err != nil {
				return err
			}
			continue
		}
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		files[name] = File{Content: string(content), Mode: info.Mode().Perm()}
	}
	return nil
}

// Versions returns the mounted versions by object id, as the driver reports them in the pod's
// SecretProviderClassPodStatus.
func (p *Pod) Versions() (map[string]string, error) {
	status := &secretsstorev1.SecretProviderClassPodStatus{}
	name := strings.Join([]string{p.spec.Name, p.spec.Namespace, p.spec.Class}, "-")
	key := client.ObjectKey{Namespace: p.spec.Namespace, Name: name}
	if err := p.node.cluster.client.Get(context.Background(), key, status); err != nil {
		return nil, err
	}
	versions := map[string]string{}
	for object := range slices.Values(status.Status.Objects) {
		versions[object.ID] = object.Version
	}
	return versions, nil
}
