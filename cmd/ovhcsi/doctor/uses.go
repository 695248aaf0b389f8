// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
	"ovhcloud-csi-provider/provider/class"
)

// use is a volume of a pod with a class of the provider, or with one that does not exist.
type use struct {
	pod    cluster.Pod
	volume string
	class  cluster.Ref
	exists bool        // the class
	secret cluster.Ref // of nodePublishSecretRef; its name may be ""
}

// usesOf returns the volumes of pods that the provider serves.
func usesOf(s *cluster.Snapshot) (all []use) {
	providers := map[cluster.Ref]string{}
	for _, c := range s.Classes.Items {
		providers[cluster.Ref{Namespace: c.Metadata.Namespace, Name: c.Metadata.Name}] = c.Spec.Provider
	}
	for _, pod := range s.Pods.Items {
		if pod.Metadata.DeletionTimestamp != "" || pod.Status.Phase == "Succeeded" || pod.Status.Phase == "Failed" {
			continue // it needs its volumes no more
		}
		for _, v := range pod.Spec.Volumes {
			if v.CSI == nil || v.CSI.Driver != cluster.DriverName {
				continue
			}
			u := use{pod: pod, volume: v.Name, class: cluster.Ref{Namespace: pod.Metadata.Namespace,
				Name: v.CSI.VolumeAttributes[class.AttributeClass]}}
			if of := v.CSI.NodePublishSecretRef; of != nil {
				u.secret = cluster.Ref{Namespace: pod.Metadata.Namespace, Name: of.Name}
			}
			provider, exists := providers[u.class]
			if u.exists = exists; provider == providerName || !exists && s.Classes.Err == nil {
				all = append(all, u)
			}
		}
	}
	return all
}
