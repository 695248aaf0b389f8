// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	secretsstorev1 "sigs.k8s.io/secrets-store-csi-driver/apis/v1"
)

// cluster is a node's Kubernetes API: objects in memory, and the events that were sent.
type cluster struct {
	scheme *runtime.Scheme
	client client.WithWatch
	events *eventLog
	// watching is closed when the driver's controller has started its watch. It would miss earlier changes, since
	// the in-memory API does not replay them.
	watching  chan struct{}
	watchOnce sync.Once
}

func newCluster() (*cluster, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	if err := secretsstorev1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	api := fake.NewClientBuilder().WithScheme(scheme).
		WithInterceptorFuncs(interceptor.Funcs{Update: updateIfChanged, Create: createUnlessRefused}).Build()
	return &cluster{scheme: scheme, client: api, events: &eventLog{}, watching: make(chan struct{})}, nil
}

// updateIfChanged ignores an update that changes nothing, so that watches do not see it. An API server does so; the
// in-memory API does not.
func updateIfChanged(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
	stored, ok := obj.DeepCopyObject().(client.Object)
	if ok && c.Get(ctx, client.ObjectKeyFromObject(obj), stored) == nil && equality.Semantic.DeepEqual(stored, obj) {
		return nil
	}
	return c.Update(ctx, obj, opts...)
}

// refused is the name of a Secret that this API refuses, as an API server does if the driver lacks the permission.
const refused = "refused"

func createUnlessRefused(ctx context.Context, c client.WithWatch, obj client.Object,
	opts ...client.CreateOption) error {
	if _, ok := obj.(*corev1.Secret); ok && obj.GetName() == refused {
		return apierrors.NewForbidden(corev1.Resource("secrets"), refused, errors.New("planted"))
	}
	return c.Create(ctx, obj, opts...)
}

// manager returns a real controller manager for the in-memory API. It sends only events by HTTP, past its client, and
// c.events records them before they reach the network.
func (c *cluster) manager() (ctrl.Manager, error) {
	skip := true
	return ctrl.NewManager(&rest.Config{Host: "http://kubernetes.invalid", Transport: c.events}, ctrl.Options{
		Scheme:         c.scheme,
		Logger:         klog.Background(),
		Metrics:        metricsserver.Options{BindAddress: "0"},
		Controller:     config.Controller{SkipNameValidation: &skip}, // several nodes may run in one process
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return c.client.RESTMapper(), nil },
		NewClient:      func(*rest.Config, client.Options) (client.Client, error) { return c.client, nil },
		NewCache: func(*rest.Config, cache.Options) (cache.Cache, error) {
			return &liveCache{Reader: c.client, scheme: c.scheme, statuses: c.statusInformer()}, nil
		},
	})
}

// statusInformer returns client-go's informer for the in-memory API, of the only kind the driver's controller watches.
func (c *cluster) statusInformer() toolscache.SharedIndexInformer {
	lw := &toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, _ metav1.ListOptions) (runtime.Object, error) {
			list := &secretsstorev1.SecretProviderClassPodStatusList{}
			return list, c.client.List(ctx, list)
		},
		WatchFuncWithContext: func(ctx context.Context, _ metav1.ListOptions) (watch.Interface, error) {
			w, err := c.client.Watch(ctx, &secretsstorev1.SecretProviderClassPodStatusList{})
			if err == nil {
				c.watchOnce.Do(func() { close(c.watching) })
			}
			return w, err
		},
	}
	listOnly := toolscache.ToListWatcherWithWatchListSemantics(lw, noWatchList{})
	return toolscache.NewSharedIndexInformer(listOnly, &secretsstorev1.SecretProviderClassPodStatus{}, 0, nil)
}

// noWatchList reports to client-go that this API cannot send a list as a stream of changes.
type noWatchList struct{}

func (noWatchList) IsWatchListSemanticsUnSupported() bool { return true }

// liveCache replaces the manager's cache and reads from the API directly: a cache that lags would only make tests wait.
type liveCache struct {
	informertest.FakeInformers // for methods that are never called
	client.Reader
	scheme   *runtime.Scheme
	statuses toolscache.SharedIndexInformer
}

// Get also sets the kind of obj, as a manager's cache does: an event about obj needs it.
func (l *liveCache) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	if err := l.Reader.Get(ctx, key, obj, opts...); err != nil {
		return err
	}
	kind, err := apiutil.GVKForObject(obj, l.scheme)
	if err != nil {
		return err
	}
	obj.GetObjectKind().SetGroupVersionKind(kind)
	return nil
}

func (l *liveCache) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	return l.Reader.List(ctx, list, opts...)
}

func (l *liveCache) GetInformer(_ context.Context, obj client.Object,
	_ ...cache.InformerGetOption) (cache.Informer, error) {
	if _, ok := obj.(*secretsstorev1.SecretProviderClassPodStatus); !ok {
		return nil, fmt.Errorf("watching %T: only SecretProviderClassPodStatus is watched here", obj)
	}
	return l.statuses, nil
}

func (l *liveCache) Start(ctx context.Context) error {
	l.statuses.RunWithContext(ctx)
	return nil
}

// awaitSecret waits until the Secret exists and satisfies ok, or ctx ends.
func (c *cluster) awaitSecret(ctx context.Context, namespace, name string,
	ok func(*corev1.Secret) bool) (*corev1.Secret, error) {
	changes, err := c.client.Watch(ctx, &corev1.SecretList{}, client.InNamespace(namespace))
	if err != nil {
		return nil, err
	}
	defer changes.Stop()
	for {
		secret := &corev1.Secret{}
		err := c.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret)
		if err == nil && ok(secret) {
			return secret, nil
		}
		select {
		case <-changes.ResultChan():
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for Secret %s/%s: %w (last seen: %v)", namespace, name, ctx.Err(), err)
		}
	}
}

// apply creates obj or replaces the object with its name; empty is an empty object of the same kind.
func (c *cluster) apply(obj, empty client.Object) error {
	ctx := context.Background()
	err := c.client.Get(ctx, client.ObjectKeyFromObject(obj), empty)
	if apierrors.IsNotFound(err) {
		return c.client.Create(ctx, obj)
	}
	if err != nil {
		return err
	}
	obj.SetResourceVersion(empty.GetResourceVersion())
	return c.client.Update(ctx, obj)
}
