package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"ovhcloud-csi-provider/cmd/commandline"
	"ovhcloud-csi-provider/provider/connections"
	"ovhcloud-csi-provider/provider/place"
)

// flags is the command line, checked.
type flags struct {
	socket       string
	adminAddress string
	mountTimeout time.Duration
	maxReads     int
	cacheTTL     time.Duration
	cacheBytes   int
	maxStale     time.Duration
	endpoints    place.Endpoints
	config       string
	logFormat    string
	probe        probeFlag
	showVersion  bool
	help         string // the text of --help, if it was asked for
}

const usage = `ovhcloud-csi-provider serves the Secrets Store CSI driver with secrets of OVHcloud
Secret Manager, on a unix socket of this node.

Flags:
`

func parseFlags(args []string) (flags, error) {
	var f flags
	var endpoint string
	var allowed []string
	set := flag.NewFlagSet("ovhcloud-csi-provider", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&endpoint, "endpoint", "unix:///var/run/secrets-store-csi-providers/ovhcloud.sock",
		"`socket` to serve, in the folder where the driver looks for providers")
	set.StringVar(&f.config, "config", "",
		"YAML `file` with the connections that the provider holds, by its absolute path;\nwatched, as are the folders it names. Empty for none")
	set.StringVar(&f.adminAddress, "admin-address", ":8080", "`host:port` of /healthz, /readyz and /metrics; empty turns them off")
	set.DurationVar(&f.mountTimeout, "mount-timeout", 45*time.Second,
		"the longest that one mount may take; from 1s to 100s, since kubelet waits for two minutes")
	set.IntVar(&f.maxReads, "max-reads", 64, "the most reads of one OKMS domain in progress at once; one namespace has 15/16 of them\nat most; the memory limit bounds those of all domains together")
	set.DurationVar(&f.cacheTTL, "cache-ttl", 30*time.Second,
		"how long a secret that was read is served again to mounts with the same credential;\n1h at most; 0 asks OKMS each time")
	f.cacheBytes = 64 << 20
	set.Func("cache-bytes", "the most `memory` that kept secrets may take, in bytes or as 512Ki, 64Mi, 1Gi; when mounts\nneed the memory, less is kept (default 64Mi)",
		func(v string) (err error) { f.cacheBytes, err = parseBytes(v); return err })
	set.DurationVar(&f.maxStale, "max-stale", 0,
		"how old a secret may be that is served while OKMS cannot be reached or fails, never after\na refusal; more than --cache-ttl, 168h at most; 0 serves none")
	set.Func("allow-endpoint", "another `host`, host:port or URL that the credentials of a mount may be sent to, beside\n"+
		"those of OVHcloud; http:// for loopback addresses only; repeatable",
		func(v string) error { allowed = append(allowed, v); return nil })
	set.StringVar(&f.logFormat, "log-format", "text", "`format` of the log: text or json")
	set.Var(&f.probe, "probe", "ask the daemon that serves --endpoint whether it is alive, print one line and exit with 0 if\n"+
		"it is; --probe=ready asks whether it is ready")
	set.BoolVar(&f.showVersion, "version", false, "print the version and exit")
	klog.InitFlags(set)
	if err := set.Parse(args); errors.Is(err, flag.ErrHelp) {
		f.help = helpText(set)
		return f, nil
	} else if err != nil {
		return f, commandline.Mistake(set, err)
	}
	var err error
	if f.endpoints, err = place.ParseEndpoints(allowed); err != nil {
		return f, fmt.Errorf("--allow-endpoint: %w", err)
	}
	f.socket = strings.TrimPrefix(strings.TrimPrefix(endpoint, "unix://"), "unix:")
	return f, f.check(endpoint, set.Args())
}

func (f flags) check(endpoint string, rest []string) error {
	if err := f.probe.check(); err != nil {
		return err
	}
	switch {
	case len(rest) > 0 && f.probe != "" && (rest[0] == string(probeLive) || rest[0] == string(probeReady)):
		return fmt.Errorf("%q is not a flag; write --probe=%s", rest[0], rest[0])
	case len(rest) > 0:
		return fmt.Errorf("%q is not a flag", rest[0])
	case !strings.HasPrefix(f.socket, "/"):
		return fmt.Errorf("--endpoint: %q is not unix:// with an absolute path behind", endpoint)
	case f.adminAddress != "" && !isHostPort(f.adminAddress):
		return fmt.Errorf("--admin-address: %q is not host:port, such as :8080", f.adminAddress)
	case f.config != "" && !filepath.IsAbs(f.config):
		return fmt.Errorf("--config: %q is not an absolute path", f.config)
	case f.mountTimeout < time.Second || f.mountTimeout > 100*time.Second:
		return fmt.Errorf("--mount-timeout: %s is not from 1s to 100s", f.mountTimeout)
	case f.maxReads < 1:
		return fmt.Errorf("--max-reads: %d is less than 1", f.maxReads)
	case f.logFormat != "text" && f.logFormat != "json":
		return fmt.Errorf("--log-format: %q is neither text nor json", f.logFormat)
	}
	if err := connections.CheckCacheTTL(f.cacheTTL); err != nil {
		return fmt.Errorf("--cache-ttl: %w", err)
	}
	if err := connections.CheckMaxStale(f.maxStale, f.cacheTTL); err != nil {
		return fmt.Errorf("--max-stale: %w", err)
	}
	return nil
}

// parseBytes reads a number of bytes as Kubernetes writes it. It is more than 0.
func parseBytes(text string) (int, error) {
	number, shift := text, 0
	for i, unit := range []string{"Ki", "Mi", "Gi"} {
		if before, is := strings.CutSuffix(text, unit); is {
			number, shift = before, 10*(i+1)
		}
	}
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || n == 0 || n<<shift > 1<<40 {
		return 0, errors.New("not a number of bytes such as 67108864, 512Ki, 64Mi or 1Gi")
	}
	return int(n << shift), nil
}

func isHostPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port != ""
}

// helpText shows the flags that an operator needs. klog's others are taken, so that
// arguments copied from another provider do not stop this one, but have no use here.
func helpText(set *flag.FlagSet) string {
	klogs := flag.NewFlagSet("", flag.ContinueOnError)
	klog.InitFlags(klogs)
	shown := flag.NewFlagSet("", flag.ContinueOnError)
	set.VisitAll(func(f *flag.Flag) {
		switch {
		case f.Name == "v":
			shown.Var(f.Value, f.Name, "how much is logged, a `number`: from 2 on, a line for each request to OKMS; no level prints a secret (default 0)")
		case klogs.Lookup(f.Name) == nil:
			shown.Var(f.Value, f.Name, f.Usage)
		}
	})
	var text strings.Builder
	text.WriteString(usage)
	shown.SetOutput(&text)
	shown.PrintDefaults()
	text.WriteString("\n")
	return strings.ReplaceAll(text.String(), "\n  -", "\n  --")
}
