package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"ovhcloud-csi-provider/test/driver"
	"ovhcloud-csi-provider/test/emulator"
)

const (
	// The secret of OVHcloud's guide to Secret Manager with Kubernetes.
	registryPath = "prod/va1/dockerconfigjson"
	registry     = `{"auths":{"registry.example":{"auth":"cm9ib3Q6b25l"}}}`
	registryNew  = `{"auths":{"registry.example":{"auth":"cm9ib3Q6dHdv"}}}`

	databasePath = "prod/shop/db"
	database     = `{"host":"db.shop.example","user":"shop","password":"correct-horse"}`
	databaseNew  = `{"host":"db.shop.example","user":"shop","password":"battery-staple"}`

	token = "demo-token"
	// mirrorPatience is how long the driver's controller may take to follow.
	mirrorPatience = 20 * time.Second
)

// class is the SecretProviderClass that is shown, but for the address, the domain and the certificates, which are the
// emulator's.
const class = `apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: shop, namespace: shop}
spec:
  provider: ovhcloud
  parameters:
    endpoint: %s
    okmsId: %s
    caBundle: |
%s    objects: |
      - secretPath: prod/va1/dockerconfigjson     # the whole secret, as JSON
        objectName: .dockerconfigjson
      - secretPath: prod/shop/db                  # a file for every key
        allKeys: true
        objectName: db
        filePermission: 0440
  secretObjects:                                  # and a Kubernetes Secret of one of the files
  - secretName: registry
    type: kubernetes.io/dockerconfigjson
    data:
    - {objectName: .dockerconfigjson, key: .dockerconfigjson}
`

// demo is what runs while the demo does. A field is nil until its step.
type demo struct {
	page
	folder string
	okms   *emulator.Emulator
	server *emulator.Server
	node   *driver.Node
	daemon *driver.Daemon
	pod    *driver.Pod
}

// play plays all steps. What it started is for cleanUp to stop, however it ends.
func (d *demo) play(ctx context.Context) error {
	d.introduce()
	for _, step := range []func(context.Context) error{
		d.build, d.startSecretManager, d.startNode, d.applyClass, d.startPod, d.mirror, d.rotate, d.deactivate, d.endPod,
	} {
		if err := step(ctx); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func (d *demo) introduce() {
	d.say("Secrets of OVHcloud Secret Manager as files in a pod: a demo on this machine alone.")
	d.say("Secret Manager is an emulator, and the Kubernetes API is one in memory.")
	if err := driver.MountRefusal(); err != nil {
		d.say("The provider's daemon is real. A plain folder replaces the pod's tmpfs mount, and is written by "+
			"the code of the Secrets Store CSI driver (v1.6.1) without its mounting: %v.", err)
		return
	}
	d.say("The provider's daemon and the Secrets Store CSI driver (v1.6.1) are real, and the pod's volume is a real " +
		"tmpfs, mounted in a namespace that only this demo sees.")
}

func (d *demo) build(ctx context.Context) (err error) {
	d.begin("The daemon is built from the source of this checkout.")
	if d.folder, err = os.MkdirTemp("", "ovhcloud-csi-demo"); err != nil {
		return err
	}
	_, err = driver.BuildDaemon(ctx, d.folder)
	return err
}

func (d *demo) startSecretManager(context.Context) (err error) {
	d.begin("Secret Manager starts, speaking TLS with certificates of its own. Two secrets are in it, " +
		"and a personal access token may read them.")
	if d.okms, err = emulator.New(emulator.Options{}); err != nil {
		return err
	}
	if err := d.okms.AddToken(token, emulator.Identity{Name: "demo"}); err != nil {
		return err
	}
	if d.server, err = d.okms.Start("127.0.0.1:0"); err != nil {
		return err
	}
	d.show(d.server.URL)
	return errors.Join(d.put(registryPath, registry), d.put(databasePath, database))
}

// put writes a new version of a secret and shows it.
func (d *demo) put(path, value string) error {
	version, err := d.okms.Put(path, value)
	if err == nil {
		d.show(fmt.Sprintf("%s, version %d:\n  %s", path, version, value))
	}
	return err
}

func (d *demo) startNode(ctx context.Context) (err error) {
	d.begin("A node starts: the driver, and the daemon as a process of its own, which listens on a socket " +
		"where the driver looks for it.")
	if d.node, err = driver.Start(driver.Options{PlainFolder: driver.MountRefusal() != nil}); err != nil {
		return err
	}
	d.daemon, err = driver.StartDaemon(ctx, d.folder+"/ovhcloud-csi-provider", d.node.Socket("ovhcloud"),
		"--admin-address", "", "--cache-ttl", "0", "--allow-endpoint", d.server.URL)
	if err == nil {
		d.show(d.node.Socket("ovhcloud"))
	}
	return err
}

func (d *demo) applyClass(context.Context) error {
	d.begin("A user writes a SecretProviderClass, which says what a pod is to get. (The lines of the certificate " +
		"are left out here.)")
	certificates := indent(string(d.server.CA), "      ")
	short := "      -----BEGIN CERTIFICATE-----\n      ...\n      -----END CERTIFICATE-----\n"
	d.show(fmt.Sprintf(class, d.server.URL, d.okms.OKMSID(), short))
	if err := d.node.ApplySecret("shop", "okms-credentials", map[string]string{"token": token}); err != nil {
		return err
	}
	return d.node.ApplyClass(fmt.Sprintf(class, d.server.URL, d.okms.OKMSID(), certificates))
}

func indent(text, margin string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(margin + strings.TrimRight(line, "\n") + "\n")
	}
	return out.String()
}

func (d *demo) startPod(ctx context.Context) (err error) {
	d.begin("A pod with such a volume starts. Its token is in a Kubernetes Secret that the volume names as " +
		"nodePublishSecretRef. Kubelet asks the driver, the driver asks the daemon, and the daemon asks Secret Manager. " +
		"The containers see this (name, mode, size, content):")
	if d.pod, err = d.schedule("web-1"); err != nil {
		return err
	}
	if err := d.pod.PublishWithin(ctx); err != nil {
		return err
	}
	files, err := d.pod.Files()
	d.show(tree("/mnt/secrets", files))
	return err
}

func (d *demo) schedule(name string) (*driver.Pod, error) {
	return d.node.Schedule(driver.PodSpec{Namespace: "shop", Name: name, Class: "shop", Credentials: "okms-credentials"})
}

func (d *demo) mirror(ctx context.Context) error {
	d.begin("The driver's controller has made a Kubernetes Secret of the file that secretObjects names. " +
		"A pod can use it as imagePullSecrets.")
	return d.showSecret(ctx, registry)
}

// showSecret waits until the mirrored Secret has the value, and shows it.
func (d *demo) showSecret(ctx context.Context, value string) error {
	ctx, cancel := context.WithTimeout(ctx, mirrorPatience)
	defer cancel()
	secret, err := d.node.Secret(ctx, "shop", "registry", func(secret *corev1.Secret) bool {
		return string(secret.Data[corev1.DockerConfigJsonKey]) == value
	})
	if err != nil {
		return err
	}
	d.show(fmt.Sprintf("Secret %s/%s, type %s", secret.Namespace, secret.Name, secret.Type))
	for _, key := range slices.Sorted(maps.Keys(secret.Data)) {
		d.show(fmt.Sprintf("  %s: %s", key, secret.Data[key]))
	}
	return nil
}

func (d *demo) rotate(ctx context.Context) error {
	d.begin("Both secrets get a new version.")
	if err := errors.Join(d.put(registryPath, registryNew), d.put(databasePath, databaseNew)); err != nil {
		return err
	}
	d.begin("About once a minute kubelet has a volume renewed; here it does so at once. The files change, " +
		"all together, and the Kubernetes Secret follows. The pod goes on running.")
	if err := d.pod.PublishWithin(ctx); err != nil {
		return err
	}
	files, err := d.pod.Files()
	if err != nil {
		return err
	}
	d.show(tree("/mnt/secrets", files))
	return d.showSecret(ctx, registryNew)
}

func (d *demo) deactivate(ctx context.Context) error {
	d.begin("Somebody deactivates version 2 of %s. A new pod that needs it doesn't start, and "+
		"`kubectl describe pod web-2` says why:", databasePath)
	if err := d.okms.SetState(databasePath, 2, emulator.Deactivated); err != nil {
		return err
	}
	pod, err := d.schedule("web-2")
	if err != nil {
		return err
	}
	refused := pod.PublishWithin(ctx)
	if refused == nil {
		return errors.New("the pod got a version that is deactivated")
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	d.show("Type     Reason       From     Message\nWarning  FailedMount  kubelet  MountVolume.SetUp failed for volume \"secrets\" :")
	d.show(indent(strings.Join(wrap(refused.Error(), width-4), "\n"), "    "))
	d.begin("The pod that runs keeps the files it has, also when kubelet has its volume renewed now.")
	if err := d.pod.PublishWithin(ctx); err != nil {
		return err
	}
	files, err := d.pod.Files()
	if err != nil {
		return err
	}
	d.show(tree("/mnt/secrets", files))
	return nil
}

func (d *demo) endPod(context.Context) error {
	d.begin("The pod ends: the driver takes the volume away, and nothing is left of it.")
	if err := d.pod.Unpublish(); err != nil {
		return err
	}
	if _, err := os.Lstat(d.pod.Target()); !os.IsNotExist(err) {
		return fmt.Errorf("the volume is still there: %v", err)
	}
	return nil
}

// cleanUp stops and removes all that the demo started and says so.
func (d *demo) cleanUp() error {
	var errs []error
	if d.daemon != nil {
		errs = append(errs, d.daemon.Stop())
	}
	if d.node != nil {
		errs = append(errs, d.node.Close())
	}
	if d.server != nil {
		errs = append(errs, d.server.Close())
	}
	if d.folder != "" {
		errs = append(errs, os.RemoveAll(d.folder))
	}
	err := errors.Join(errs...)
	if err == nil {
		d.say("\nThe daemon is stopped, no volume is mounted, and the temporary folders are removed.")
	}
	return err
}
