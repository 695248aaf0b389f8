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
	// unpublishPatience bounds how long a volume may stay busy.
	unpublishPatience = 20 * time.Second
)

// PodSpec is a pod with one volume of the driver. Namespace, Name and Class are needed.
type PodSpec struct {
	Namespace, Name string
	Class           string            // the SecretProviderClass, in the pod's namespace
	Credentials     string            // the Secret of nodePublishSecretRef; empty: none
	Attributes      map[string]string // further volumeAttributes
}

// Pod is a pod scheduled to a node. Its methods are kubelet's part; those of one pod must not run at the same time.
type Pod struct {
	spec   PodSpec
	node   *Node
	uid    string
	target string
}

// Schedule creates a pod on the node. Nothing is mounted yet.
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

// Publish has the pod's volume mounted or renewed, as kubelet does when the pod starts and about once a minute from
// then on. The error, if any, is a gRPC status with the text that `kubectl describe pod` shows.
func (p *Pod) Publish() error { return p.PublishWithin(context.Background()) }

// PublishWithin is Publish with less patience than kubelet's two minutes: ctx.
func (p *Pod) PublishWithin(ctx context.Context) error {
	secrets, err := p.credentials(ctx)
	if err != nil {
		return err
	}
	// kubelet makes the folder around the target; the target itself is the driver's to make.
	if err := os.MkdirAll(filepath.Dir(p.target), 0o750); err != nil {
		return err
	}
	p.node.remember(p)
	ctx, cancel := context.WithTimeout(ctx, kubeletPatience)
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

// IsFinal reports whether a publish error is final for kubelet, which then removes the target folder. After
// one that is not final the folder stays, and the driver takes it for a volume (csi_client.go in Kubernetes v1.35,
// isFinalError; driver.md, section 0, of this project's notes: the pod starts with an empty volume).
func IsFinal(err error) bool {
	switch status.Code(err) {
	case codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted, codes.Aborted:
		return false
	}
	return true
}

// removeTarget is kubelet's removeMountDir: a folder that is not empty, or still mounted, stays and is an error.
func (p *Pod) removeTarget() error {
	if err := os.Remove(p.target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the target folder after a failed publish: %w", err)
	}
	return nil
}

// credentials reads the pod's nodePublishSecretRef, as kubelet does anew for each publish.
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

// volumeContext is what kubelet makes of the volumeAttributes: it adds what it knows of the pod, last.
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

// Unpublish has the driver take the volume away, as kubelet does when the pod ends. It is no error if there is none.
func (p *Pod) Unpublish() error {
	ctx, cancel := context.WithTimeout(context.Background(), unpublishPatience)
	defer cancel()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		_, err := p.node.csi.NodeUnpublishVolume(ctx, &csi.NodeUnpublishVolumeRequest{VolumeId: "csi-" + p.uid, TargetPath: p.target})
		if err == nil {
			p.node.forget(p)
			return nil
		}
		// As kubelet does, try again: a program that is just being started, between fork and exec, holds what this
		// process has open, and for that moment the volume is busy.
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("unpublishing the volume of pod %s/%s: %w", p.spec.Namespace, p.spec.Name, err)
		}
	}
}

// Target is the folder of the volume, on the node.
func (p *Pod) Target() string { return p.target }

// File is a file as a container of the pod sees it.
type File struct {
	Content string
	Mode    fs.FileMode // permission bits
}

// Files are the files of the volume by their path in it. A volume that doesn't exist is an error, one without files
// is not.
func (p *Pod) Files() (map[string]File, error) {
	files := map[string]File{}
	if err := collect(files, p.target, ""); err != nil {
		return nil, fmt.Errorf("reading the volume of pod %s/%s: %w", p.spec.Namespace, p.spec.Name, err)
	}
	return files, nil
}

// collect follows links: the driver's writer makes what a container sees of links into a hidden folder.
func collect(files map[string]File, root, folder string) error {
	entries, err := os.ReadDir(filepath.Join(root, folder))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if folder == "" && strings.HasPrefix(entry.Name(), "..") {
			continue // the writer's own
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

// Versions are the ids and versions of what is mounted, as the driver reports them in the pod's
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
