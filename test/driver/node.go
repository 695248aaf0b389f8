// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
	secretsstorev1 "sigs.k8s.io/secrets-store-csi-driver/apis/v1"
	"sigs.k8s.io/secrets-store-csi-driver/controllers"
	secretsstore "sigs.k8s.io/secrets-store-csi-driver/pkg/secrets-store"
	"sigs.k8s.io/yaml"
)

const (
	driverName = "secrets-store.csi.k8s.io"
	nodeName   = "node-1"
	// maxResponseBytes is the driver's default for --max-call-recv-msg-size.
	maxResponseBytes = 4 << 20
	// kubeletTimeout is how long kubelet waits for a volume plugin's answer.
	kubeletTimeout = 2 * time.Minute
	// startTimeout is how long each part of a node may take to start.
	startTimeout = 30 * time.Second
)

// Options configure a node. The zero value is a node with rotation that calls the provider at each publish.
type Options struct {
	// RotationPollInterval is the driver's flag of that name: the minimum age of a volume to be updated. Zero means a
	// nanosecond, so that every publish calls the provider. Rotation is always on.
	RotationPollInterval time.Duration
	// PlainFolder replaces the driver's node server by one that writes files to a plain folder instead of a tmpfs. Set
	// it if MountRefusal is not nil.
	PlainFolder bool
}

// Node is one Kubernetes node with the driver. Its methods can be called by several goroutines at once.
type Node struct {
	cluster   *cluster
	root      string // the folder of all files of the node
	csi       csi.NodeClient
	conn      *grpc.ClientConn
	providers *secretsstore.PluginClientBuilder
	stop      context.CancelFunc
	running   sync.WaitGroup

	mu   sync.Mutex
	pods []*Pod // pods that may have a volume
}

// LogTo writes the log of the driver and its libraries, which is this process's klog, to w. The default is standard
// error.
func LogTo(w io.Writer) {
	// Only flags can stop klog from writing errors to standard error.
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	for name, value := range map[string]string{"logtostderr": "false", "stderrthreshold": "FATAL"} {
		if err := flags.Set(name, value); err != nil {
			panic(err) // cannot happen: klog has these flags
		}
	}
	klog.SetOutput(w)
	ctrllog.SetLogger(klog.Background())
}

// Start starts a node and returns when its driver answers. The caller closes it.
func Start(opts Options) (*Node, error) {
	if opts.RotationPollInterval == 0 {
		opts.RotationPollInterval = time.Nanosecond
	}
	cluster, err := newCluster()
	if err != nil {
		return nil, fmt.Errorf("starting a node: %w", err)
	}
	// A short name, since a socket's path can have only about a hundred bytes.
	root, err := os.MkdirTemp("", "csi")
	if err != nil {
		return nil, fmt.Errorf("starting a node: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &Node{cluster: cluster, root: root, stop: cancel}
	if err := n.start(ctx, opts); err != nil {
		return nil, errors.Join(fmt.Errorf("starting a node: %w", err), n.Close())
	}
	return n, nil
}

func (n *Node) start(ctx context.Context, opts Options) error {
	for _, dir := range []string{n.root + "/providers", n.root + "/pods"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	n.providers = secretsstore.NewPluginClientBuilder([]string{n.root + "/providers"},
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxResponseBytes)))
	if err := n.startMirroring(ctx); err != nil {
		return fmt.Errorf("starting the driver's controller: %w", err)
	}
	endpoint := "unix://" + n.root + "/csi.sock"
	if opts.PlainFolder {
		if err := n.serveFolders(ctx, n.root+"/csi.sock"); err != nil {
			return err
		}
	} else {
		node := secretsstore.NewSecretsStoreDriver(driverName, nodeName, endpoint, n.providers,
			n.cluster.client, n.cluster.client, true, opts.RotationPollInterval)
		n.running.Go(func() { node.Run(ctx) })
	}
	// The driver creates its socket later: retry soon.
	soon := backoff.Config{BaseDelay: checkInterval, Multiplier: 1.5, MaxDelay: time.Second}
	conn, err := grpc.NewClient("unix:"+n.root+"/csi.sock", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: soon}))
	if err != nil {
		return err
	}
	n.conn, n.csi = conn, csi.NewNodeClient(conn)
	startCtx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if _, err := n.csi.NodeGetInfo(startCtx, &csi.NodeGetInfoRequest{}, grpc.WaitForReady(true)); err != nil {
		return fmt.Errorf("asking the driver for its name: %w", err)
	}
	return nil
}

// startMirroring starts the controller that mirrors mounted files to Secrets, as the driver's main function does, and
// returns when its watch has started.
func (n *Node) startMirroring(ctx context.Context) error {
	manager, err := n.cluster.manager()
	if err != nil {
		return err
	}
	reconciler, err := controllers.New(driverName, manager, nodeName)
	if err != nil {
		return err
	}
	if err := reconciler.SetupWithManager(manager); err != nil {
		return err
	}
	failed := make(chan error, 1)
	n.running.Go(func() { failed <- manager.Start(ctx) })
	n.running.Go(func() { reconciler.RunPatcher(ctx) })
	select {
	case <-n.cluster.watching:
		return nil
	case err := <-failed:
		return err
	case <-time.After(startTimeout):
		return errors.New("its watch did not start in time")
	}
}

// Close unmounts all volumes, stops the driver, waits for it, and removes the node's files.
func (n *Node) Close() error {
	var errs []error
	for _, pod := range n.published() {
		if err := pod.Unpublish(); err != nil {
			errs = append(errs, err)
		}
	}
	n.stop()
	n.running.Wait()
	if n.conn != nil {
		errs = append(errs, n.conn.Close())
	}
	if n.providers != nil {
		n.providers.Cleanup()
	}
	errs = append(errs, os.RemoveAll(n.root))
	return errors.Join(errs...)
}

// Socket returns the path where the driver looks for the provider of that name.
func (n *Node) Socket(provider string) string {
	return filepath.Join(n.root, "providers", provider+".sock")
}

// ApplyClass creates or replaces a SecretProviderClass, given as YAML. An unknown field is an error, as for
// `kubectl apply`.
func (n *Node) ApplyClass(text string) error {
	class := &secretsstorev1.SecretProviderClass{}
	if err := yaml.UnmarshalStrict([]byte(text), class); err != nil {
		return fmt.Errorf("reading a SecretProviderClass: %w", err)
	}
	if class.Kind != "SecretProviderClass" || class.Name == "" || class.Namespace == "" {
		return fmt.Errorf("reading a SecretProviderClass: it is a %q named %q in namespace %q",
			class.Kind, class.Name, class.Namespace)
	}
	return n.cluster.apply(class, &secretsstorev1.SecretProviderClass{})
}

// ApplySecret creates or replaces a Kubernetes Secret, for use as nodePublishSecretRef.
func (n *Node) ApplySecret(namespace, name string, data map[string]string) error {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: map[string][]byte{}}
	for key, value := range data {
		secret.Data[key] = []byte(value)
	}
	return n.cluster.apply(secret, &corev1.Secret{})
}

// Secret waits until a Kubernetes Secret exists and satisfies ok, and returns it. It fails when ctx ends.
func (n *Node) Secret(ctx context.Context, namespace, name string,
	ok func(*corev1.Secret) bool) (*corev1.Secret, error) {
	return n.cluster.awaitSecret(ctx, namespace, name, ok)
}

// Events returns the events that the driver's controller sent, oldest first, as "Type Reason Message".
func (n *Node) Events() []string { return n.cluster.events.list() }

func (n *Node) published() []*Pod {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]*Pod(nil), n.pods...)
}

func (n *Node) forget(pod *Pod) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.pods {
		if n.pods[i] == pod {
			n.pods = append(n.pods[:i], n.pods[i+1:]...)
			return
		}
	}
}

// remember records that pod may have a volume.
func (n *Node) remember(pod *Pod) {
	n.forget(pod)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pods = append(n.pods, pod)
}

// volumeFolder returns kubelet's folder for the volume of one pod.
func (n *Node) volumeFolder(uid string) string {
	return strings.Join([]string{n.root, "pods", uid, "volumes", "kubernetes.io~csi", volumeName}, "/")
}
