// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/okms"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/provider/wire"
)

// The limits of requests to endpoints: how many, and how long.
const (
	mostEndpoints = 20
	patience      = 15 * time.Second
)

// domains returns the endpoints to ask, each once, at most 20: those given, and if named is true those of
// classes and connections.
func (f *facts) domains(given []place.Domain, named bool) (all []place.Domain) {
	add := func(d place.Domain) {
		d.ID, d.API = "", place.KV2
		if d.Endpoint != "" && !slices.Contains(all, d) && len(all) < mostEndpoints {
			all = append(all, d)
		}
	}
	for _, d := range given {
		add(d)
	}
	if !named {
		return all
	}
	for _, one := range f.files {
		for _, name := range slices.Sorted(maps.Keys(one.connections)) {
			add(one.connections[name].Place)
		}
	}
	for _, c := range f.classes {
		said, _ := class.Parse(c.Spec.Parameters, class.Given{Credentials: true})
		add(said.Domain)
	}
	return all
}

// reach asks each endpoint for its root, without a credential, from this machine.
func reach(ctx context.Context, domains []place.Domain) (all []reached) {
	for _, d := range domains {
		all = append(all, reached{d, answers(ctx, d)})
	}
	return all
}

// answers returns nil if an endpoint answers over a trusted connection.
func answers(ctx context.Context, d place.Domain) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	roots, err := okms.Roots(d.CABundle)
	if err != nil {
		return err
	}
	transport := wire.NewTransport(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, nil)
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.Endpoint+"/", nil)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		failed := wire.Explain(err)
		if failed.Cause == wire.LoginRefused {
			return nil // it wants a client certificate: it was reached
		}
		return errors.New(failed.Text)
	}
	return response.Body.Close()
}

// checkReached tells which endpoints do not answer.
func checkReached(r *Report, all []reached) {
	for _, one := range all {
		if one.err != nil {
			r.find(notReached, one.Endpoint, "Check DNS, proxy, egress and caBundle",
				"this machine does not reach it: %v", one.err)
		} else {
			r.pass(network, "this machine reaches %s: name, connection and certificate", one.Endpoint)
		}
	}
}

// adminPort is the port of the provider's metrics if its flag does not say.
const adminPort = "8080"

// metricsPaths returns where the metrics of each of the provider's pods are, by the way of the API
// server.
func (f *facts) metricsPaths() (pods []cluster.Pod, paths []string) {
	for _, p := range f.providers {
		port := adminPort
		if m := regexp.MustCompile(`:([0-9]+)$`).FindStringSubmatch(p.flag("admin-address")); m != nil {
			port = m[1]
		}
		for _, pod := range p.pods {
			pods = append(pods, pod)
			paths = append(paths, cluster.Proxy(pod, port, "metrics"))
		}
	}
	return pods, paths
}

// requests matches the count of requests to OKMS with a status. 0 is a request without an answer.
var requests = regexp.MustCompile(`(?m)^ovhcloud_csi_okms_requests_total\{[^}]*status="([0-9a-z]+)"\} ([0-9.e+]+)$`)

// checkInside tells which of the provider's pods get no answer from OKMS.
func checkInside(f *facts, r *Report) {
	pods, _ := f.metricsPaths()
	for i, m := range f.metrics {
		if r.unread(network, "metrics of the provider's pods (pods/proxy)", m.Err) || m.Err != nil {
			continue
		}
		lost, answered := 0.0, 0.0
		for _, found := range requests.FindAllStringSubmatch(m.Text, -1) {
			number, _ := strconv.ParseFloat(found[2], 64)
			if found[1] == "0" {
				lost += number
			} else {
				answered += number
			}
		}
		if lost > 0 && answered == 0 {
			r.find(noAnswer, podName(pods[i]), "Check DNS, proxy and egress of this node's pods; the pod's log has the cause",
				"%sit sent %.0f requests to OKMS and got no answer", onNode(pods[i]), lost)
		} else {
			r.pass(network, "%s: %srequests to OKMS with an answer: %.0f, without: %.0f", podName(pods[i]),
				onNode(pods[i]), answered, lost)
		}
	}
}
