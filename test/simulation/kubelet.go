// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
)

// Class is a SecretProviderClass. Place is the name of a store, or conn: and a connection's.
type Class struct {
	Place   string
	Objects []Object
	Refresh time.Duration // its refreshInterval; 0 is none
	Invalid bool          // it has a field that does not exist
}

// pod is a pod with one volume.
type pod struct {
	namespace, name, account, class, secret string

	rng  *rand.Rand
	stop chan struct{}      // closed when kubelet lets go of it
	ctx  context.Context    // of its calls
	kill context.CancelFunc // ends a call in progress too
	gone chan struct{}      // closed when its loop has ended

	volume volume
}

// volume is the target directory, as the driver sees it.
type volume struct {
	class           Class // of the mount that wrote it
	exists, mounted bool
	changed         time.Duration // the modification time of the directory
	files           map[string]string
}

// Mount is one call of the driver for a volume, and its answer.
type Mount struct {
	N       int
	Pod     *pod
	Daemon  *daemon
	Class   Class
	Cred    string // what came with the mount; "-" is nothing
	View    view   // what the daemon used of the operator's when the call began
	Later   []view // and after each change while it lasted
	Renewal bool   // the pod has its files already

	Start, End         time.Duration
	NodeStart, NodeEnd time.Duration // by the node's clock
	Left               bool          // the caller did not wait for the answer

	Code     codes.Code
	Message  string
	Files    map[string]File
	Versions map[string]string
	Entries  int // of the list of versions
}

// File is a file of an answer.
type File struct {
	Text string
	Mode int32
}

// uncertain are the codes after which kubelet keeps the directory of a volume that was not
// mounted, since it does not know how the call ended.
var uncertain = []codes.Code{codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted,
	codes.Aborted}

// How kubelet repeats a mount that failed, and how long it waits for one.
const (
	firstRetry  = 500 * time.Millisecond
	longestWait = 2*time.Minute + 2*time.Second
	callTime    = 2 * time.Minute
)

func (w *world) addPod(namespace, name, account, class, secret string) {
	key := namespace + "/" + name
	if w.pods[key] != nil {
		return
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))
	p := &pod{namespace: namespace, name: name, account: account, class: class, secret: secret,
		rng: rand.New(rand.NewPCG(w.Seed, h.Sum64())), stop: make(chan struct{}), gone: make(chan struct{})}
	p.ctx, p.kill = context.WithCancel(context.Background())
	w.pods[key] = p
	go w.runPod(p)
}

// removePod has kubelet let go of a pod. With kill it does not wait for a call in progress.
func (w *world) removePod(key string, kill bool) {
	p := w.pods[key]
	if p == nil {
		return
	}
	delete(w.pods, key)
	close(p.stop)
	if kill {
		p.kill()
	}
	w.leaving = append(w.leaving, p)
}

// runPod is kubelet's loop for the volume of a pod.
func (w *world) runPod(p *pod) {
	defer close(p.gone)
	retry, running := firstRetry, false
	for {
		ok := w.publish(p)
		wait := retry
		switch {
		case ok:
			if !running && len(p.volume.files) == 0 {
				w.started(p)
			}
			running = true
			wait = w.Sync + time.Duration(p.rng.Int64N(int64(w.Sync/4)))
		case !running:
			retry = min(2*retry, longestWait)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-p.stop:
			timer.Stop()
			return
		}
	}
}

// publish is the driver's NodePublishVolume. It reports success, as the driver does.
func (w *world) publish(p *pod) (ok bool) {
	v := &p.volume
	if v.exists && v.changed+w.Rotation > w.now() {
		return true // the directory is young: the driver takes it for a fresh mount
	}
	if !v.exists {
		v.exists, v.changed = true, w.now()
	}
	x := w.mount(p)
	switch {
	case x == nil:
		v.exists = false
		return false
	case x.Code != codes.OK && v.mounted:
		return true // the driver masks it
	case x.Code != codes.OK:
		v.exists = slices.Contains(uncertain, x.Code)
		return false
	}
	files := map[string]string{}
	for name, f := range x.Files {
		files[name] = f.Text
	}
	if !maps.Equal(files, v.files) || !v.mounted {
		v.files, v.changed = files, w.now()
	}
	v.mounted, v.class = true, x.Class
	return true
}

// mount calls the provider. It returns nil if the driver would not get that far.
func (w *world) mount(p *pod) *Mount {
	class, known := w.classOf(p)
	if !known {
		return nil
	}
	d := w.current()
	x := &Mount{Pod: p, Daemon: d, Class: class, Cred: w.secretOf(p), Renewal: p.volume.mounted}
	request := w.request(x)
	ctx, cancel := context.WithTimeout(p.ctx, callTime)
	defer cancel()
	w.begins(x)
	resp, err := d.client.Mount(ctx, request)
	x.Left = ctx.Err() != nil
	if err != nil {
		x.Code, x.Message = status.Code(err), status.Convert(err).Message()
	}
	x.Files, x.Versions, x.Entries = map[string]File{}, map[string]string{}, len(resp.GetObjectVersion())
	for _, f := range resp.GetFiles() {
		x.Files[f.GetPath()] = File{string(f.GetContents()), f.GetMode()}
	}
	for _, v := range resp.GetObjectVersion() {
		x.Versions[v.GetId()] = v.GetVersion()
	}
	w.ends(x)
	return x
}

// request returns the message of the driver.
func (w *world) request(x *Mount) *pb.MountRequest {
	const own = "csi.storage.k8s.io/"
	tokens := `{"":{"token":"` + planted + `-service-account"}}`
	attributes := map[string]string{"secretProviderClass": x.Pod.class, "providerName": "ovhcloud",
		own + "pod.namespace": x.Pod.namespace, own + "pod.name": x.Pod.name, own + "pod.uid": x.Pod.name + "-uid",
		own + "serviceAccount.name": x.Pod.account, own + "serviceAccount.tokens": tokens}
	if name, is := connectionOf(x.Class); is {
		attributes["connection"] = name
	} else {
		maps.Copy(attributes, w.placeOf(x.Class.Place))
	}
	for _, o := range x.Class.Objects {
		attributes["objects"] += o.yaml()
	}
	if x.Class.Refresh > 0 {
		attributes["refreshInterval"] = x.Class.Refresh.String()
	}
	if x.Class.Invalid {
		attributes["objects"] += "- {secretPath: shop/db, objectName: z, secretKy: a}\n"
	}
	secrets := w.mention(x.Cred)
	secrets[own+"serviceAccount.tokens"] = tokens
	return &pb.MountRequest{Attributes: text(attributes), Secrets: text(secrets), Permission: "420",
		TargetPath: fmt.Sprintf("/var/lib/kubelet/pods/%s/volumes", x.Pod.name)}
}

func text(m map[string]string) string {
	b, _ := json.Marshal(m) // a map of texts
	return string(b)
}
