// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/json"
	"errors"
	"time"

	"ovhcloud-csi-provider/provider/credential"
	"ovhcloud-csi-provider/provider/sensitive"
)

// Meta is the metadata of an object.
type Meta struct {
	Name, Namespace, UID string
	Labels, Annotations  map[string]string
	OwnerReferences      []struct{ Kind, Name, UID string }
	DeletionTimestamp    string // "" if the object is not being deleted
}

// Version is the answer of the API server about itself.
type Version struct{ GitVersion string }

// CSIDriver is the registration of a driver.
type CSIDriver struct {
	Metadata Meta
	Spec     struct {
		RequiresRepublish bool
		TokenRequests     []struct{ Audience string }
	}
}

// Node is a node.
type Node struct {
	Metadata Meta
	Status   struct {
		Conditions []Condition
		NodeInfo   struct{ OperatingSystem, Architecture string }
	}
}

// Condition is a condition of a node or a pod.
type Condition struct{ Type, Status, Reason, Message string }

// Namespace is a namespace.
type Namespace struct{ Metadata Meta }

// DaemonSet is a DaemonSet.
type DaemonSet struct {
	Metadata Meta
	Spec     struct{ Template struct{ Spec PodSpec } }
}

// PodSpec is a pod's spec.
type PodSpec struct {
	NodeName, ServiceAccountName, PriorityClassName string
	NodeSelector                                    map[string]string
	Containers                                      []Container
	Volumes                                         []Volume
}

// Container is a container of a pod.
type Container struct {
	Name, Image   string
	Command, Args []string
	VolumeMounts  []struct{ Name, MountPath string }
	Resources     struct{ Limits map[string]string }
}

// Volume is a volume of a pod.
type Volume struct {
	Name      string
	HostPath  *struct{ Path string }
	ConfigMap *struct{ Name string }
	Secret    *struct{ SecretName string }
	CSI       *CSI
}

// CSI is a volume of a driver.
type CSI struct {
	Driver               string
	VolumeAttributes     map[string]string
	NodePublishSecretRef *struct{ Name string }
}

// Pod is a pod. Text is the object as the API server sent it, for pods with a volume of the driver;
// nil for others.
type Pod struct {
	Metadata Meta
	Spec     PodSpec
	Status   struct {
		Phase                                    string
		Conditions                               []Condition
		InitContainerStatuses, ContainerStatuses []ContainerStatus
	}
	Text []byte `json:"-"`
}

// ContainerStatus is the state of a container.
type ContainerStatus struct {
	Name         string
	Image        string
	Ready        bool
	RestartCount int
	State        ContainerState
	LastState    ContainerState
}

// ContainerState is what a container does: one of the fields is given, or none.
type ContainerState struct {
	Waiting    *struct{ Reason, Message string }
	Terminated *struct {
		Reason   string
		ExitCode int
	}
}

// UnmarshalJSON reads a pod, and keeps its text if it has a volume of the driver.
func (p *Pod) UnmarshalJSON(text []byte) error {
	type plain Pod
	if err := json.Unmarshal(text, (*plain)(p)); err != nil {
		return err
	}
	if p.Mounts() {
		p.Text = append([]byte(nil), text...)
	}
	return nil
}

// Mounts reports whether a pod has a volume of the Secrets Store CSI driver.
func (p *Pod) Mounts() bool {
	for _, v := range p.Spec.Volumes {
		if v.CSI != nil && v.CSI.Driver == DriverName {
			return true
		}
	}
	return false
}

// OwnedBy reports whether a pod belongs to an object of a UID.
func (p *Pod) OwnedBy(uid string) bool {
	for _, owner := range p.Metadata.OwnerReferences {
		if owner.UID == uid {
			return true
		}
	}
	return false
}

// DriverName is the name of the Secrets Store CSI driver.
const DriverName = "secrets-store.csi.k8s.io"

// Class is a SecretProviderClass. Text is the object as the API server sent it.
type Class struct {
	Metadata Meta
	Spec     struct {
		Provider      string
		Parameters    map[string]string
		SecretObjects []struct{ SecretName string }
	}
	Text []byte `json:"-"`
}

// UnmarshalJSON reads a class and keeps its text.
func (c *Class) UnmarshalJSON(text []byte) error {
	type plain Class
	c.Text = append([]byte(nil), text...)
	return json.Unmarshal(text, (*plain)(c))
}

// Mount is a SecretProviderClassPodStatus, the driver's record of a mount.
type Mount struct {
	Metadata Meta
	Status   struct {
		PodName, SecretProviderClassName string
		Mounted                          bool
	}
}

// Event is an event. Its time may be zero.
type Event struct {
	InvolvedObject struct{ Namespace, Name, UID string }
	Reason         string
	Message        string
	LastTimestamp  time.Time
}

// Role is a Role or a ClusterRole.
type Role struct {
	Metadata Meta
	Rules    []struct{ APIGroups, Resources, Verbs, ResourceNames []string }
}

// Binding is a RoleBinding or a ClusterRoleBinding.
type Binding struct {
	Metadata Meta
	RoleRef  struct{ Kind, Name string }
	Subjects []struct{ Kind, Name, Namespace string }
}

// ConfigMap is a ConfigMap.
type ConfigMap struct {
	Metadata Meta
	Data     map[string]string
}

// Secret is a Secret. Its values are never printed.
type Secret struct {
	Metadata Meta
	Data     credential.Material
}

// UnmarshalJSON reads a Secret. Its error does not quote the input.
func (s *Secret) UnmarshalJSON(text []byte) error {
	var plain struct {
		Metadata Meta
		Data     map[string][]byte
	}
	if json.Unmarshal(text, &plain) != nil {
		return errors.New("not a Secret")
	}
	s.Metadata, s.Data = plain.Metadata, credential.Material{}
	for key, value := range plain.Data {
		s.Data[key] = sensitive.New(value)
	}
	return nil
}
