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
	// mostPerAnswer is the driver's default for --max-call-recv-msg-size, in bytes.
	mostPerAnswer = 4 << 20
	// kubeletPatience is how long kubelet waits for a volume plugin's answer.
	kubeletPatience = 2 * time.Minute
	// startPatience bounds how long the parts of a node may take to be there.
	startPatience = 30 * time.Second
)

// Options say how a node is to be. The zero value is a node with rotation on, that asks the provider at each publish.
type Options struct {
	// RotationPollInterval is the driver's flag of that name: how old a volume must be at least to be renewed. Zero
	// means a nanosecond, so that every publish asks the provider. Rotation is always on.
	RotationPollInterval time.Duration
	// PlainFolder has files written to an ordinary folder in place of a tmpfs, by a replacement of the driver's node
	// server. For systems where MountRefusal is not nil.
	PlainFolder bool
}

// Node is one Kubernetes node with the driver on it. Its methods may be called from several goroutines at once.
type Node struct {
	cluster   *cluster
	root      string // everything the node has on disk
	csi       csi.NodeClient
	conn      *grpc.ClientConn
	providers *secretsstore.PluginClientBuilder
	stop      context.CancelFunc
	running   sync.WaitGroup

	mu   sync.Mutex
	pods []*Pod // those that were ever published
}

// LogTo sends the log of the driver and its libraries, all of this process's klog, to w. Without it, it goes to
// standard error.
func LogTo(w io.Writer) {
	// As flags, because only so can errors be kept off standard error.
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	for name, value := range map[string]string{"logtostderr": "false", "stderrthreshold": "FATAL"} {
		if err := flags.Set(name, value); err != nil {
			panic(err) // these flags are klog's
		}
	}
	klog.SetOutput(w)
	ctrllog.SetLogger(klog.Background())
}

// Start starts a node and returns when the driver answers on it. The caller closes it.
func Start(opts Options) (*Node, error) {
	if opts.RotationPollInterval == 0 {
		opts.RotationPollInterval = time.Nanosecond
	}
	cluster, err := newCluster()
	if err != nil {
		return nil, fmt.Errorf("starting a node: %w", err)
	}
	// Short, as a socket's path may have no more than some hundred bytes.
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
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(mostPerAnswer)))
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
	// The driver's socket appears when it does: look again soon.
	soon := backoff.Config{BaseDelay: askEvery, Multiplier: 1.5, MaxDelay: time.Second}
	conn, err := grpc.NewClient("unix:"+n.root+"/csi.sock", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: soon}))
	if err != nil {
		return err
	}
	n.conn, n.csi = conn, csi.NewNodeClient(conn)
	patience, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if _, err := n.csi.NodeGetInfo(patience, &csi.NodeGetInfoRequest{}, grpc.WaitForReady(true)); err != nil {
		return fmt.Errorf("asking the driver for its name: %w", err)
	}
	return nil
}

// startMirroring runs the controller that makes Secrets of mounted files, as the driver's main function does, and
// returns when it watches.
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
	case <-time.After(startPatience):
		return errors.New("it has not begun to watch")
	}
}

// Close unmounts what is still mounted, stops the driver, waits for it, and removes all that the node had on disk.
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

// Socket is the path where the driver looks for the provider of that name.
func (n *Node) Socket(provider string) string {
	return filepath.Join(n.root, "providers", provider+".sock")
}

// ApplyClass creates or replaces a SecretProviderClass, given as YAML. A field that is unknown is an error, as it is
// for `kubectl apply`.
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

// ApplySecret creates or replaces a Kubernetes Secret, for a pod to name as its nodePublishSecretRef.
func (n *Node) ApplySecret(namespace, name string, data map[string]string) error {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: map[string][]byte{}}
	for key, value := range data {
		secret.Data[key] = []byte(value)
	}
	return n.cluster.apply(secret, &corev1.Secret{})
}

// Secret returns a Kubernetes Secret as soon as it exists and satisfies ok, or an error at the end of ctx.
func (n *Node) Secret(ctx context.Context, namespace, name string, ok func(*corev1.Secret) bool) (*corev1.Secret, error) {
	return n.cluster.awaitSecret(ctx, namespace, name, ok)
}

// Events are the events that the driver's controller sent, oldest first, as "Type Reason Message".
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

// remember notes that pod may have a volume.
func (n *Node) remember(pod *Pod) {
	n.forget(pod)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pods = append(n.pods, pod)
}

// volumeFolder is where kubelet keeps what belongs to one volume of one pod.
func (n *Node) volumeFolder(uid string) string {
	return strings.Join([]string{n.root, "pods", uid, "volumes", "kubernetes.io~csi", volumeName}, "/")
}
