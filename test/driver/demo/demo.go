// SPDX-License-Identifier: Apache-2.0

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
	// mirrorTimeout is how long the driver's controller may take to update the mirrored Secret.
	mirrorTimeout = 20 * time.Second
)

// class is the SecretProviderClass of the demo. The emulator's endpoint, okmsId and CA certificate are filled in.
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
      - secretPath: prod/shop/db                  # one file per key
        allKeys: true
        objectName: db
        filePermission: 0440
  secretObjects:                                  # also copy one file to a Kubernetes Secret
  - secretName: registry
    type: kubernetes.io/dockerconfigjson
    data:
    - {objectName: .dockerconfigjson, key: .dockerconfigjson}
`

// demo holds what the demo has started. A field is nil until its step.
type demo struct {
	page
	pause   func(context.Context) // waits between two steps; nil goes on at once
	folder  string
	program string // the daemon's
	okms    *emulator.Emulator
	server  *emulator.Server
	node    *driver.Node
	daemon  *driver.Daemon
	pod     *driver.Pod
	files   map[string]driver.File // of the pod, as they were shown last
}

// play runs all steps. The caller calls cleanUp afterwards, also after an error.
func (d *demo) play(ctx context.Context) error {
	d.introduce()
	for _, step := range []func(context.Context) error{
		d.build, d.startSecretManager, d.startNode, d.applyClass, d.startPod, d.mirror, d.rotate, d.deactivate,
		d.redirect, d.share, d.outage, d.endPod, d.readOn,
	} {
		if d.pause != nil && d.step > 0 {
			d.pause(ctx)
		}
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
	d.say("Secrets of OVHcloud Secret Manager as files in a pod: a demo that needs only this machine.")
	d.say("Secret Manager is an emulator, and the Kubernetes API is in memory.")
	if err := driver.MountRefusal(); err != nil {
		d.say("The provider's daemon is real. A plain folder replaces the pod's tmpfs mount; the code of the Secrets "+
			"Store CSI driver (v1.6.1) writes it. The reason: %v.", err)
		return
	}
	d.say("The provider's daemon and the Secrets Store CSI driver (v1.6.1) are real, and the pod's volume is a real " +
		"tmpfs, in a mount namespace of this demo.")
}

func (d *demo) build(ctx context.Context) (err error) {
	d.begin("Build the daemon from this checkout.")
	if d.folder, err = os.MkdirTemp("", "ovhcloud-csi-demo"); err != nil {
		return err
	}
	d.program, err = driver.BuildDaemon(ctx, d.folder)
	return err
}

func (d *demo) startSecretManager(context.Context) (err error) {
	d.begin("Start Secret Manager. It uses TLS with its own certificate authority, has two secrets, and accepts a " +
		"personal access token.")
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

// put writes a new version of a secret and prints it.
func (d *demo) put(path, value string) error {
	version, err := d.okms.Put(path, value)
	if err == nil {
		d.show(fmt.Sprintf("%s, version %d:\n  %s", path, version, value))
	}
	return err
}

func (d *demo) startNode(ctx context.Context) (err error) {
	d.begin("Start a node: the driver, and the daemon as a separate process. The daemon listens on the socket where " +
		"the driver looks for it.")
	if d.node, err = driver.Start(driver.Options{PlainFolder: driver.MountRefusal() != nil}); err != nil {
		return err
	}
	d.daemon, err = driver.StartDaemon(ctx, d.program, d.node.Socket("ovhcloud"),
		"--admin-address", "", "--cache-ttl", "0", "--allow-endpoint", d.server.URL)
	if err == nil {
		d.show(d.node.Socket("ovhcloud"))
	}
	return err
}

func (d *demo) applyClass(context.Context) error {
	d.begin("Create a SecretProviderClass, which lists the secrets of a pod. (The certificate is shortened here.)")
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
	d.begin("Start a pod with a volume of this class. The token is in a Kubernetes Secret, which the volume names as " +
		"nodePublishSecretRef. kubelet calls the driver, the driver calls the daemon, and the daemon reads from Secret " +
		"Manager. The containers see these files (name, mode, size, content):")
	if d.pod, err = d.schedule("web-1"); err != nil {
		return err
	}
	if err := d.pod.PublishWithin(ctx); err != nil {
		return err
	}
	return d.showFiles()
}

// showFiles shows the files of the pod, and marks what has changed since they were shown before.
func (d *demo) showFiles() error {
	files, err := d.pod.Files()
	if err == nil {
		d.show(tree("/mnt/secrets", files, d.files))
		d.files = files
	}
	return err
}

func (d *demo) schedule(name string) (*driver.Pod, error) {
	return d.node.Schedule(driver.PodSpec{Namespace: "shop", Name: name, Class: "shop", Credentials: "okms-credentials"})
}

func (d *demo) mirror(ctx context.Context) error {
	d.begin("The driver's controller has copied the file that secretObjects names to a Kubernetes Secret. " +
		"A pod can use it in imagePullSecrets.")
	return d.showSecret(ctx, registry, "")
}

// showSecret waits until the mirrored Secret has the value, and prints it, with a mark behind the value.
func (d *demo) showSecret(ctx context.Context, value, mark string) error {
	ctx, cancel := context.WithTimeout(ctx, mirrorTimeout)
	defer cancel()
	secret, err := d.node.Secret(ctx, "shop", "registry", func(secret *corev1.Secret) bool {
		return string(secret.Data[corev1.DockerConfigJsonKey]) == value
	})
	if err != nil {
		return err
	}
	d.show(fmt.Sprintf("Secret %s/%s, type %s", secret.Namespace, secret.Name, secret.Type))
	for _, key := range slices.Sorted(maps.Keys(secret.Data)) {
		d.show(fmt.Sprintf("  %s: %s%s", key, secret.Data[key], mark))
	}
	return nil
}

func (d *demo) rotate(ctx context.Context) error {
	d.begin("Write a new version of both secrets.")
	if err := errors.Join(d.put(registryPath, registryNew), d.put(databasePath, databaseNew)); err != nil {
		return err
	}
	d.begin("kubelet updates a volume about once a minute; here it does so at once. All files change together, and " +
		"the Kubernetes Secret is updated too. The pod keeps running.")
	if err := d.pod.PublishWithin(ctx); err != nil {
		return err
	}
	if err := d.showFiles(); err != nil {
		return err
	}
	return d.showSecret(ctx, registryNew, changed)
}

func (d *demo) deactivate(ctx context.Context) error {
	d.begin("Deactivate version 2 of %s. A new pod that needs it does not start, and "+
		"`kubectl describe pod web-2` shows the reason:", databasePath)
	if err := d.okms.SetState(databasePath, 2, emulator.Deactivated); err != nil {
		return err
	}
	pod, err := d.schedule("web-2")
	if err != nil {
		return err
	}
	if err := d.refused(ctx, pod); err != nil {
		return err
	}
	d.begin("The running pod keeps its files, also after the next update of its volume.")
	if err := d.pod.PublishWithin(ctx); err != nil {
		return err
	}
	if err := d.showFiles(); err != nil {
		return err
	}
	return d.okms.SetState(databasePath, 2, emulator.Active)
}

func (d *demo) endPod(context.Context) error {
	d.begin("Stop the pod. The driver unmounts and removes its volume.")
	if err := d.pod.Unpublish(); err != nil {
		return err
	}
	if _, err := os.Lstat(d.pod.Target()); !os.IsNotExist(err) {
		return fmt.Errorf("the volume still exists: %v", err)
	}
	return nil
}

// readOn says where to go on.
func (d *demo) readOn(context.Context) error {
	d.begin("Read on:")
	d.show("docs/how-it-works.md   what happened here, step by step\n" +
		"docs/quickstart.md     the same on OVHcloud\n" +
		"docs/class.md          all that a class can say\n" +
		"docs/outages.md        outages, and a second region\n" +
		"docs/security.md       who can reach what")
	return nil
}

// cleanUp stops and removes everything that the demo started. If that succeeds, it prints so.
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
		d.say("\nCleaned up: the daemon is stopped, all volumes are unmounted, and the temporary folders are removed.")
	}
	return err
}
