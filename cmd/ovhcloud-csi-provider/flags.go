// SPDX-License-Identifier: Apache-2.0

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
	"ovhcloud-csi-provider/provider/config"
	"ovhcloud-csi-provider/provider/place"
	"ovhcloud-csi-provider/server/kube"
	"ovhcloud-csi-provider/server/profiles"
	"ovhcloud-csi-provider/server/taint"
)

// flags are the validated flags.
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
	auditLog     string
	pprofAddress string
	otlpEndpoint string
	events       bool
	startupTaint string
	nodeName     string
	accountDir   string
	probe        probeFlag
	seccompFile  string
	showVersion  bool
	help         string // the text of --help if the flag is given
}

const usage = `ovhcloud-csi-provider serves secrets of OVHcloud Secret Manager to the Secrets Store CSI
driver, on a unix socket of this node.

Flags:
`

// rawFlags are the values of flags before they are parsed.
type rawFlags struct {
	endpoint string
	allowed  []string
}

func parseFlags(args []string) (flags, error) {
	var f flags
	var raw rawFlags
	set := flag.NewFlagSet("ovhcloud-csi-provider", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	defineFlags(set, &f, &raw)
	klog.InitFlags(set)
	if err := set.Parse(args); errors.Is(err, flag.ErrHelp) {
		f.help = helpText(set)
		return f, nil
	} else if err != nil {
		return f, commandline.Mistake(set, err)
	}
	var err error
	if f.endpoints, err = place.ParseEndpoints(raw.allowed); err != nil {
		return f, fmt.Errorf("--allow-endpoint: %w", err)
	}
	f.socket = strings.TrimPrefix(strings.TrimPrefix(raw.endpoint, "unix://"), "unix:")
	return f, f.check(raw.endpoint, set.Args())
}

// defineFlags defines the flags that set f and raw.
func defineFlags(set *flag.FlagSet, f *flags, raw *rawFlags) {
	set.StringVar(&raw.endpoint, "endpoint", "unix:///var/run/secrets-store-csi-providers/ovhcloud.sock",
		"`socket` to serve, in the directory where the driver looks for providers")
	set.StringVar(&f.config, "config", "",
		"absolute path of the YAML `file` with the provider's connections; the file and the directories\n"+
			"that it names are watched; empty means no connections")
	set.StringVar(&f.adminAddress, "admin-address", ":8080",
		"`host:port` of /healthz, /readyz and /metrics; empty turns them off")
	set.DurationVar(&f.mountTimeout, "mount-timeout", 45*time.Second,
		"timeout of one mount, from 1s to 100s; kubelet waits for two minutes")
	set.IntVar(&f.maxReads, "max-reads", 64,
		"maximum number of reads of one OKMS domain at once; one namespace gets at most 15/16 of\n"+
			"them; the memory limit bounds the reads of all domains together")
	set.DurationVar(&f.cacheTTL, "cache-ttl", 30*time.Second,
		"how long a secret is served from memory to mounts with the same credential; at most 1h;\n0 reads from OKMS "+
			"each time")
	f.cacheBytes = 64 << 20
	set.Func("cache-bytes", "maximum `memory` of the cached secrets, in bytes or as 512Ki, 64Mi, 1Gi; the cache shrinks\n"+
		"when mounts need the memory (default 64Mi)",
		func(v string) (err error) { f.cacheBytes, err = parseBytes(v); return err })
	set.DurationVar(&f.maxStale, "max-stale", 0,
		"maximum age of a secret that is served from memory while OKMS is unreachable or fails, but\n"+
			"never after a refusal; longer than --cache-ttl, at most 168h; 0 turns this off")
	set.Func("allow-endpoint", "`host`, host:port or URL to which the credentials of a mount may be sent in addition to\n"+
		"those of OVHcloud; http:// for loopback addresses only; repeatable",
		func(v string) error { raw.allowed = append(raw.allowed, v); return nil })
	set.StringVar(&f.logFormat, "log-format", "text", "`format` of the log: text or json")
	set.StringVar(&f.auditLog, "audit-log", "",
		"absolute path of the `file` to which one JSON record for each mount is appended, or - for\n"+
			"standard output; empty writes none")
	set.StringVar(&f.pprofAddress, "pprof-address", "",
		"loopback `address:port` of profiles at /debug/pprof/, which have no values; empty turns them off")
	set.StringVar(&f.otlpEndpoint, "otlp-endpoint", "",
		"`URL` of an OpenTelemetry collector (OTLP over gRPC) for traces of mounts, such as http://host:4317;\n"+
			"empty makes no traces")
	set.BoolVar(&f.events, "events", false,
		"write a Kubernetes Event at the pod when a renewal of its files fails and when it works again;\n"+
			"the service account needs create and patch of events")
	defineKubernetesFlags(set, f)
	set.Var(&f.probe, "probe",
		"check whether the daemon on --endpoint is alive, print one line, and exit with 0 if it is;\n"+
			"--probe=ready checks whether it is ready")
	set.StringVar(&f.seccompFile, "seccomp-profile", "",
		"write the seccomp profile of this program to `file`, an absolute path, or to standard output if it is -,\n"+
			"and exit; the chart's value seccomp.install uses it")
	set.BoolVar(&f.showVersion, "version", false, "print the version and exit")
}

// defineKubernetesFlags defines the flags of what calls the API server.
func defineKubernetesFlags(set *flag.FlagSet, f *flags) {
	set.StringVar(&f.startupTaint, "startup-taint", "",
		"`key` of a taint to remove from this node when pods with secrets can start on it; needs --node-name;\n"+
			"the service account needs get and patch of nodes, and get of csinodes")
	set.StringVar(&f.nodeName, "node-name", "", "`name` of this node in Kubernetes, for --events and --startup-taint")
	set.StringVar(&f.accountDir, "service-account-dir", kube.Dir,
		"absolute path of the `directory` with the token and the ca.crt of the service account, for --events\n"+
			"and --startup-taint")
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
		return fmt.Errorf("--endpoint: %q is not unix:// followed by an absolute path", endpoint)
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
	case f.nodeName != "" && !kube.IsName(f.nodeName):
		return fmt.Errorf("--node-name: %q is not the name of a node", f.nodeName)
	case !filepath.IsAbs(f.accountDir):
		return fmt.Errorf("--service-account-dir: %q is not an absolute path", f.accountDir)
	case f.auditLog != "" && f.auditLog != "-" && !filepath.IsAbs(f.auditLog):
		return fmt.Errorf("--audit-log: %q is neither an absolute path nor -", f.auditLog)
	case f.seccompFile != "" && f.seccompFile != "-" && !filepath.IsAbs(f.seccompFile):
		return fmt.Errorf("--seccomp-profile: %q is neither an absolute path nor -", f.seccompFile)
	}
	if f.pprofAddress != "" {
		if err := profiles.CheckAddress(f.pprofAddress); err != nil {
			return fmt.Errorf("--pprof-address: %w", err)
		}
	}
	if err := f.checkTaint(); err != nil {
		return fmt.Errorf("--startup-taint: %w", err)
	}
	if err := config.CheckCacheTTL(f.cacheTTL); err != nil {
		return fmt.Errorf("--cache-ttl: %w", err)
	}
	if err := config.CheckMaxStale(f.maxStale, f.cacheTTL); err != nil {
		return fmt.Errorf("--max-stale: %w", err)
	}
	return nil
}

// checkTaint returns why the startup taint cannot be removed.
func (f flags) checkTaint() error {
	switch {
	case f.startupTaint == "":
		return nil
	case f.nodeName == "":
		return errors.New("set --node-name too")
	}
	return taint.CheckKey(f.startupTaint)
}

// parseBytes parses a number of bytes as Kubernetes writes it. 0 is an error.
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

// helpText returns the help of the flags that an administrator needs. Other flags of klog are
// accepted, so that arguments copied from another provider do no harm, but are not shown.
func helpText(set *flag.FlagSet) string {
	klogs := flag.NewFlagSet("", flag.ContinueOnError)
	klog.InitFlags(klogs)
	shown := flag.NewFlagSet("", flag.ContinueOnError)
	set.VisitAll(func(f *flag.Flag) {
		switch {
		case f.Name == "v":
			shown.Var(f.Value, f.Name,
				"log level, a `number`; from 2 on, each request to OKMS is logged; no level logs a secret (default 0)")
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
