// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
	"ovhcloud-csi-provider/provider/config"
	"ovhcloud-csi-provider/provider/place"
)

// facts are a snapshot of a cluster, and which of its objects are the driver's and the provider's.
type facts struct {
	*cluster.Snapshot
	driver    workload   // its set is nil if there is none
	providers []workload // those of this provider
	classes   []cluster.Class
	uses      []use
	now       time.Time
	events    map[cluster.Ref][]cluster.Event // by their pods
	files     []file                          // of connections, one for each of providers
	reached   []reached
	metrics   []cluster.Text // of the provider's pods, in the order of metricsPaths
	left      int            // Secrets that were not read
}

// file is a file of connections. connections is nil if they are not known; err says why if the file
// was read.
type file struct {
	connections map[string]config.Connection
	err         error
}

// reached is the result of one request to an endpoint of OKMS.
type reached struct {
	place.Domain
	err error // nil if there was an answer, whatever it says
}

// workload is a DaemonSet with the container that matters, and its pods.
type workload struct {
	set       *cluster.DaemonSet
	container cluster.Container
	pods      []cluster.Pod // without those that are being deleted
}

// newFacts finds the driver and the provider among DaemonSets.
func newFacts(s *cluster.Snapshot, now time.Time) *facts {
	f := &facts{Snapshot: s, uses: usesOf(s), now: now, events: map[cluster.Ref][]cluster.Event{}}
	for _, e := range s.Events.Items {
		of := cluster.Ref{Namespace: e.InvolvedObject.Namespace, Name: e.InvolvedObject.Name}
		f.events[of] = append(f.events[of], e)
	}
	for i := range s.DaemonSets.Items {
		set := &s.DaemonSets.Items[i]
		w := workload{set: set}
		for _, pod := range s.Pods.Items {
			if pod.OwnedBy(set.Metadata.UID) && pod.Metadata.DeletionTimestamp == "" {
				w.pods = append(w.pods, pod)
			}
		}
		for _, w.container = range set.Spec.Template.Spec.Containers {
			if isDriver(set, w.container) {
				f.driver = w
			}
			if strings.HasSuffix(w.flag("endpoint"), "/"+socketName) {
				f.providers = append(f.providers, w)
			}
		}
	}
	for _, c := range s.Classes.Items {
		if c.Spec.Provider == providerName {
			f.classes = append(f.classes, c)
		}
	}
	return f
}

// The names of the provider in classes, and of its socket.
const (
	providerName = "ovhcloud"
	socketName   = providerName + ".sock"
)

// isDriver reports whether a container is the driver's on Linux.
func isDriver(set *cluster.DaemonSet, c cluster.Container) bool {
	return set.Spec.Template.Spec.NodeSelector["kubernetes.io/os"] != "windows" &&
		slices.ContainsFunc(c.Args, func(a string) bool {
			return strings.HasPrefix(strings.TrimLeft(a, "-"),
				"provider-volume")
		})
}

// name returns kind, namespace and name of the DaemonSet.
func (w workload) name() string {
	return "DaemonSet " + w.set.Metadata.Namespace + "/" + w.set.Metadata.Name
}

// flag returns the value of a flag of the container, "" if it is not given.
func (w workload) flag(name string) string {
	if all := w.flags(name); len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

// flags returns the values of a flag that may be given several times.
func (w workload) flags(name string) (values []string) {
	args := slices.Concat(w.container.Command, w.container.Args)
	for i, arg := range args {
		given, value, has := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case given != name || !strings.HasPrefix(arg, "-"):
		case has:
			values = append(values, value)
		case i+1 < len(args):
			values = append(values, args[i+1])
		}
	}
	return values
}

// isOn reports whether a flag of the container is true, which needs no value.
func (w workload) isOn(name string) (on bool) {
	for _, arg := range slices.Concat(w.container.Command, w.container.Args) {
		given, value, has := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if given == name && strings.HasPrefix(arg, "-") {
			on = !has || value == "true"
		}
	}
	return on
}

// onNode returns the directory of the node at a path of the container.
func (w workload) onNode(dir string) string {
	dir = path.Clean(dir)
	for _, mount := range w.container.VolumeMounts {
		at := path.Clean(mount.MountPath)
		if dir != at && !strings.HasPrefix(dir, at+"/") {
			continue
		}
		for _, v := range w.set.Spec.Template.Spec.Volumes {
			if v.Name == mount.Name && v.HostPath != nil {
				dir = path.Join(v.HostPath.Path, strings.TrimPrefix(dir, at))
			}
		}
	}
	if strings.HasPrefix(dir, "/run/") { // /var/run is a link to it
		return "/var" + dir
	}
	return dir
}

// socketDir returns the directory of the node that has the provider's socket.
func (w workload) socketDir() string {
	return w.onNode(path.Dir(strings.TrimPrefix(w.flag("endpoint"), "unix://")))
}

// nodes returns the names of the nodes that have a pod of the workload.
func (w workload) nodes() (names []string) {
	for _, pod := range w.pods {
		if pod.Spec.NodeName != "" {
			names = append(names, pod.Spec.NodeName)
		}
	}
	return names
}

// tag returns the tag of an image, "" if it has none.
func tag(image string) string {
	image, _, _ = strings.Cut(image, "@")
	_, tag, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	return tag
}

// version returns the version of the container's image; if its tag is none, that of the chart; "" if
// it is not known.
func (w workload) version() string {
	for _, text := range []string{tag(w.container.Image), w.set.Metadata.Labels["app.kubernetes.io/version"]} {
		if _, known := parseVersion(text); known {
			return strings.TrimPrefix(text, "v")
		}
	}
	return ""
}

// version is a major and a minor number.
type version struct{ major, minor int }

var versionForm = regexp.MustCompile(`^v?([0-9]{1,6})\.([0-9]{1,6})(\D|$)`)

// parseVersion reads the first two numbers of a version, such as v1.35.4+k3s1.
func parseVersion(text string) (v version, known bool) {
	m := versionForm.FindStringSubmatch(text)
	if m == nil {
		return version{}, false
	}
	v.major, _ = strconv.Atoi(m[1])
	v.minor, _ = strconv.Atoi(m[2])
	return v, true
}

// before reports whether a version is older than another one.
func (v version) before(other version) bool {
	return v.major < other.major || v.major == other.major && v.minor < other.minor
}
