// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"ovhcloud-csi-provider/test/driver"
	"ovhcloud-csi-provider/test/emulator"
)

const (
	pods    = 110 // kubelet's limit of a node
	secrets = 10
)

// redirect lets a pod try to get the credential sent to another server.
func (d *demo) redirect(ctx context.Context) error {
	d.begin("A pod can override every parameter of its class in volumeAttributes. This one wants the token to be " +
		"sent to a server of its own. The daemon sends credentials of a mount only to OVHcloud and to --allow-endpoint:")
	pod, err := d.node.Schedule(driver.PodSpec{Namespace: "shop", Name: "thief", Class: "shop",
		Credentials: "okms-credentials", Attributes: map[string]string{"endpoint": "https://collector.example"}})
	if err != nil {
		return err
	}
	return d.refused(ctx, pod)
}

// refused publishes the volume of a pod, which must fail, and shows the event.
func (d *demo) refused(ctx context.Context, pod *driver.Pod) error {
	refusal := pod.PublishWithin(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if refusal == nil {
		return errors.New("the pod started, but must not")
	}
	d.show("Type     Reason       From     Message\n" +
		"Warning  FailedMount  kubelet  MountVolume.SetUp failed for volume \"secrets\" :")
	d.show(indent(strings.Join(wrap(refusal.Error(), width-4), "\n"), "    "))
	return nil
}

// replaceDaemon starts another daemon, which keeps what it reads for a time. The one before kept nothing, so that new
// versions came at once.
func (d *demo) replaceDaemon(ctx context.Context, cacheTTL string, args ...string) error {
	next, err := driver.StartDaemon(ctx, d.program, d.node.Socket("ovhcloud"), append([]string{"--admin-address", "",
		"--allow-endpoint", d.server.URL, "--cache-ttl", cacheTTL}, args...)...)
	if err != nil {
		return err
	}
	before := d.daemon
	d.daemon = next
	return before.Stop()
}

// share starts many pods with the same secrets at once.
func (d *demo) share(ctx context.Context) error {
	d.begin("Start a second daemon, as an upgrade does: it takes over the socket, and the first one ends. It keeps " +
		"what it reads for 30 seconds (--cache-ttl), as by default.")
	if err := d.replaceDaemon(ctx, "30s"); err != nil {
		return err
	}
	d.begin("Start %d pods at once, each with the same %d secrets.", pods, secrets)
	objects := ""
	for n := range secrets {
		path := fmt.Sprintf("prod/shop/part-%d", n)
		if _, err := d.okms.Put(path, fmt.Sprintf(`{"value":"%d"}`, n)); err != nil {
			return err
		}
		objects += "      - {secretPath: " + path + ", secretKey: value, objectName: part-" + fmt.Sprint(n) + "}\n"
	}
	class := fmt.Sprintf(sharedClass, d.server.URL, d.okms.OKMSID(), indent(string(d.server.CA), "      "), objects)
	if err := d.node.ApplyClass(class); err != nil {
		return err
	}
	d.okms.ResetRequests()
	errs := make([]error, pods)
	var all sync.WaitGroup
	for n := range pods {
		all.Go(func() { errs[n] = d.startShared(ctx, fmt.Sprintf("shared-%d", n)) })
	}
	all.Wait()
	d.show(fmt.Sprintf("%d pods run, with %d files each: %d requests to Secret Manager",
		pods, secrets, len(d.okms.Requests())))
	return errors.Join(errs...)
}

// sharedClass is the class of the pods of share.
const sharedClass = `apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: shared, namespace: shop}
spec:
  provider: ovhcloud
  parameters:
    endpoint: %s
    okmsId: %s
    caBundle: |
%s    objects: |
%s`

// startShared starts a pod with the class shared, and checks that it has all files.
func (d *demo) startShared(ctx context.Context, name string) error {
	pod, err := d.node.Schedule(driver.PodSpec{Namespace: "shop", Name: name, Class: "shared",
		Credentials: "okms-credentials"})
	if err != nil {
		return err
	}
	if err := pod.PublishWithin(ctx); err != nil {
		return err
	}
	files, err := pod.Files()
	if err == nil && len(files) != secrets {
		err = fmt.Errorf("the pod %s has %d files", name, len(files))
	}
	return err
}

// outage lets Secret Manager fail, and starts another pod.
func (d *demo) outage(ctx context.Context) error {
	d.begin("Start a daemon that serves what it has read for up to an hour while Secret Manager is down (--max-stale), " +
		"and a pod. Then Secret Manager answers every request with HTTP 503. Another pod starts all the same:")
	if err := d.replaceDaemon(ctx, "1s", "--max-stale", "1h"); err != nil {
		return err
	}
	if err := d.startShared(ctx, "early"); err != nil {
		return err
	}
	repair, err := d.okms.Inject(emulator.Fault{Status: 503})
	if err != nil {
		return err
	}
	defer repair()
	select {
	case <-time.After(time.Second): // now the daemon serves nothing without asking
	case <-ctx.Done():
		return ctx.Err()
	}
	d.okms.ResetRequests()
	if err := d.startShared(ctx, "late"); err != nil {
		return err
	}
	d.show(fmt.Sprintf("the pod late runs, with %d files; Secret Manager answered HTTP 503 %d times",
		secrets, len(d.okms.Requests())))
	d.begin("A pod that needs a secret which this daemon has not read has to wait. It starts by itself when Secret " +
		"Manager is back.")
	pod, err := d.schedule("web-3")
	if err != nil {
		return err
	}
	if err := d.refused(ctx, pod); err != nil {
		return err
	}
	repair()
	return d.recover(ctx, pod)
}

// recover starts a pod again after the outage. The daemon's circuit breaker may be open for some seconds more.
func (d *demo) recover(ctx context.Context, pod *driver.Pod) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := pod.PublishWithin(ctx)
		if err == nil {
			d.show("Secret Manager is back: the pod web-3 runs")
			return nil
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return err
		}
	}
}
