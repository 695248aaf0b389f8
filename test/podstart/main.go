// SPDX-License-Identifier: Apache-2.0

// Command podstart measures in a real cluster how long pods take to start, without a volume, with a Kubernetes Secret,
// and with secrets of the emulator, and which part of it the driver and the provider take. With -write it writes the
// table to a page of the documentation. `make podstart` boots a node, prepares it and runs this.
//
// A time is from before the request that creates the pod until the process of the container runs, by the clock of the
// container. So this program must run on the machine of the node. The exit status is 1 if the target is missed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"ovhcloud-csi-provider/test/page"
)

// podstart is a run of this program.
type podstart struct {
	*cluster
	pods                               *watch
	namespace, endpoint, okmsID, image string
	delay                              time.Duration
	load                               string // the machine's load average of a minute, before the first pod
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(run(ctx))
}

func run(ctx context.Context) int {
	p := &podstart{load: loadAverage()}
	flag.StringVar(&p.namespace, "namespace", "", "an empty namespace with a Secret credential for the store")
	flag.StringVar(&p.endpoint, "endpoint", "", "the URL of the store")
	flag.StringVar(&p.okmsID, "okms", "", "the id of the OKMS domain")
	flag.StringVar(&p.image, "image", "", "the image whose program writes its clock")
	flag.DurationVar(&p.delay, "delay", 20*time.Millisecond, "how long the store takes to answer")
	turns := flag.Int("pods", 30, "pods of each kind that start one after the other")
	crowds := flag.Int("at-once", 50, "pods of each kind that start at once")
	most := flag.Duration("most", 100*time.Millisecond, "the target: the provider's p99 of cold pods, one after the other")
	to := flag.String("write", "", "the `page` to write the table to, between its markers")
	flag.Parse()
	text, worst, err := p.measure(ctx, *turns, *crowds)
	if err == nil && *to != "" {
		err = page.Replace(*to, begin, text)
	}
	fmt.Print(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, "podstart:", err)
		return 2
	}
	if worst > *most {
		fmt.Fprintf(os.Stderr, "podstart: a cold mount takes the provider %s at p99, more than %s\n", ms(worst), *most)
		return 1
	}
	return 0
}

// measure returns the table, and the provider's p99 of cold pods that start one after the other.
func (p *podstart) measure(ctx context.Context, turns, crowds int) (string, time.Duration, error) {
	var err error
	// Without ctx, since the report of what was measured needs the cluster after a signal too.
	if p.cluster, err = connect(context.WithoutCancel(ctx)); err != nil {
		return "", 0, err
	}
	defer p.close()
	p.pods = follow(ctx, p.cluster, p.namespace)
	names := []string{"cold-first"}
	for i := range turns {
		names = append(names, turn(cold, i))
	}
	for i := range crowds {
		names = append(names, crowd(cold, i))
	}
	if err := p.prepare(ctx, names); err != nil {
		return "", 0, err
	}
	rows, err := p.rows(ctx, turns, crowds)
	text, worst, unreported := p.report(context.WithoutCancel(ctx), rows) // what was measured before a failure too
	return text, worst, errors.Join(err, unreported)
}

// rows starts all pods. If it fails, it returns the rows so far too.
func (p *podstart) rows(ctx context.Context, turns, crowds int) ([]row, error) {
	if _, err := p.call(ctx, http.MethodPost, store("faults"), object{"delay": p.delay.String()}); err != nil {
		return nil, err
	}
	for _, k := range kinds { // the first pods fill the cache and open the connection to the store
		s, err := p.begin(ctx, k, k.name+"-first")
		if err != nil {
			return nil, err
		}
		if err := p.end(ctx, s.pod); err != nil {
			return nil, err
		}
	}
	starts, err := p.inTurn(ctx, turns)
	rows := []row{}
	for _, k := range kinds {
		rows = append(rows, row{kind: k, how: "in turn", starts: starts[k.name]})
	}
	for _, k := range kinds {
		if err != nil {
			break
		}
		r := row{kind: k, how: "at once"}
		r.starts, err = p.atOnce(ctx, k, crowds)
		rows = append(rows, r)
	}
	return slices.DeleteFunc(rows, func(r row) bool { return len(r.starts) == 0 }), err
}

// report returns the table and the provider's p99 of cold pods that start one after the other.
func (p *podstart) report(ctx context.Context, rows []row) (string, time.Duration, error) {
	shares, err := p.shares(ctx)
	if err != nil {
		return "", 0, err
	}
	failed, err := p.failures(ctx)
	if err != nil {
		return "", 0, err
	}
	reads, err := p.reads(ctx)
	if err != nil {
		return "", 0, err
	}
	over, worst := map[string]time.Duration{}, time.Duration(0)
	var text strings.Builder
	fmt.Fprintf(&text, "Store %s away; %s, with a load average of %s before; %d mounts failed.\n\n%s", p.delay,
		page.Machine(), p.load, failed, header)
	for _, r := range rows {
		if err := r.missing(shares); err != nil {
			return "", 0, err
		}
		if r.kind.name == plain.name {
			over[r.how] = at(r.all(func(s start) time.Duration { return s.took }), 0.5)
		}
		if r.kind.name == cold.name && r.how == "in turn" {
			worst = at(r.provider(shares), 0.99)
		}
		text.WriteString(r.line(shares, over[r.how], reads))
	}
	return text.String(), worst, nil
}

// loadAverage returns the load average of the last minute.
func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg") // the file exists on Linux only
	load, _, found := strings.Cut(string(text), " ")
	if !found {
		return "unknown"
	}
	return load
}

// path returns the path of objects of the namespace.
func (p *podstart) path(what string) string { return "/api/v1/namespaces/" + p.namespace + "/" + what }
