// SPDX-License-Identifier: Apache-2.0

package series

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"ovhcloud-csi-provider/provider/budget"
	"ovhcloud-csi-provider/provider/config"
	"ovhcloud-csi-provider/provider/failure"
	"ovhcloud-csi-provider/provider/read"
)

// MaxClasses is how many SecretProviderClasses have a series at once.
const MaxClasses = 2000

// The labels of several metrics.
var (
	kinds = func() (all []string) {
		for _, k := range failure.Kinds() {
			all = append(all, string(k))
		}
		return all
	}()
	class      = Label{Name: "secretproviderclass", Says: "namespace/name", Most: MaxClasses}
	connection = Label{Name: "connection", Says: "the name of a connection in the file of `--config`",
		Most: config.MaxConnections}
	reload = Label{Name: "result", Says: "`ok` is in use, `broken` is invalid and not in use",
		Values: []string{"ok", "broken"}}
	api = Label{Name: "api", Says: "`kv2` and `rest` are OKMS's, `oauth2` is that of token endpoints",
		Values: []string{"kv2", "rest", "oauth2"}}
	operation = Label{Name: "operation", Says: "`token` is of `oauth2`, the others are of both APIs of OKMS",
		Values: []string{"read", "versions", "list", "token"}}
	part       = Label{Name: "part", Says: "the parts that DESIGN.md describes", Values: budget.Stages()}
	lostReason = Label{Name: "reason", Says: "`slow`: it could not be written in time; `failed`: writing it failed",
		Values: []string{"slow", "failed"}}
	exchanges = 2*3 + 1 // pairs of api and operation
	durations = prometheus.ExponentialBuckets(0.001, 3, 11)
)

// Status returns the label of an HTTP status: the number if it is registered, 0 if there was
// no answer, else "other". A server can answer with any number of three digits.
func Status(status int) string {
	if status == 0 || http.StatusText(status) != "" {
		return strconv.Itoa(status)
	}
	return "other"
}

// statuses returns every label of Status.
func statuses() []string {
	all := []string{"0"}
	for status := 100; status < 1000; status++ {
		if label := Status(status); label != "other" {
			all = append(all, label)
		}
	}
	return append(all, "other")
}

// The metrics of mounts.
var (
	Mounts = define(Metric{Name: "mounts_total", Type: Counter, Help: "Mounts, first ones and renewals, by result.",
		Labels: []Label{{Name: "result", Says: "`ok`, or the kind of the most serious failure",
			Values: append([]string{"ok"}, kinds...)}}})
	MountSeconds = define(Metric{Name: "mount_seconds", Type: Histogram, Help: "Duration of mounts in seconds.",
		Buckets: durations})
	InFlight  = define(Metric{Name: "mounts_in_flight", Type: Gauge, Help: "Mounts in progress."})
	SinceGood = define(Metric{Name: "seconds_since_good_mount", Type: Gauge, Labels: []Label{class},
		Help: "Seconds since the last successful mount of a SecretProviderClass on this node, or since its first mount if " +
			"none succeeded. " +
			"Removed ten minutes after the last mount. A namespace has at most 200 series."})
	Panics = define(Metric{Name: "panics_total", Type: Counter,
		Help: "Mounts that failed because of a bug (panic) in the provider: please report it."})
)

// The metrics of reads.
var (
	Reads = define(Metric{Name: "secret_reads_total", Type: Counter,
		Help: "Reads of secrets by how they were served. Those served stale or by the fallback are in addition to the " +
			"reads that failed before.",
		Labels: []Label{{Name: "served",
			Says: "`hit` from the cache, `miss` by OKMS or failed by an open circuit breaker, `joined` by an equal read in " +
				"progress, " +
				"`stale` from the cache since OKMS is unavailable, `fallback` by the connection's fallback", Values: outcomes()}}})
	Age = define(Metric{Name: "secret_age_seconds", Type: Histogram,
		Help:    "Age of secrets that were served from memory, fresh or stale, in seconds.",
		Buckets: []float64{1, 10, 30, 60, 300, 900, 3600, 6 * 3600, 86400, 7 * 86400}})
	Breakers = define(Metric{Name: "okms_circuit_breakers", Type: Gauge,
		Help: "Circuit breakers that are not closed. There is one for each credential and OKMS domain, " +
			"and a second one for reads with little time. A breaker whose domain is not read any more stays open for ten " +
			"minutes.",
		Labels: []Label{{Name: "state", Says: "`open`: reads fail at once; `half_open`: one mount tries",
			Values: []string{"open", "half_open"}}}})
	Requests = define(Metric{Name: "okms_requests_total", Type: Counter, Help: "Requests to OKMS and to token endpoints.",
		Sets: exchanges * len(statuses()),
		Labels: []Label{api, operation,
			{Name: "status",
				Says: "the HTTP status; `0` is a request without an answer, `other` a status that is not registered",
				Most: len(statuses())}}})
	RequestSeconds = define(Metric{Name: "okms_request_seconds", Type: Histogram,
		Help: "Duration of these requests in seconds.", Sets: exchanges,
		Labels: []Label{api, operation}, Buckets: durations})
	Connections = define(Metric{Name: "okms_connections_total", Type: Counter,
		Help: "Connections to OKMS that were opened and used."})
	Retries = define(Metric{Name: "okms_retries_total", Type: Counter, Help: "Retries of reads.",
		Labels: []Label{{Name: "kind", Says: "the kind of the failure before", Values: kinds}}})
)

// The metrics of connections. Without the flag --config they have no series.
var (
	ConfigCurrent = define(Metric{Name: "config_current", Type: Gauge,
		Help: "1 if the newest file of connections is in use, 0 if the last valid one is."})
	ConfigReloads = define(Metric{Name: "config_reloads_total", Type: Counter, Help: "Reloads of the file of connections.",
		Labels: []Label{reload}})
	Current = define(Metric{Name: "credential_current", Type: Gauge,
		Help: "1 if the newest credential is in use, 0 if the last valid one or none is.", Labels: []Label{connection}})
	Usable = define(Metric{Name: "credential_usable", Type: Gauge,
		Help: "1 if the connection has a credential, the newest or an older one.", Labels: []Label{connection}})
	Reloads = define(Metric{Name: "credential_reloads_total", Type: Counter,
		Help: "Reloads of a connection's credential or rules.", Labels: []Label{connection, reload}})
	Expiry = define(Metric{Name: "credential_expiry_timestamp_seconds", Type: Gauge, Labels: []Label{connection},
		Help: "When the client certificate of a connection expires, or a token that states its expiry, in Unix time."})
)

// The metrics of the process.
var (
	Budget = define(Metric{Name: "memory_budget_bytes", Type: Gauge, Help: "Size of the parts of the memory budget.",
		Labels: []Label{part}})
	BudgetUsed = define(Metric{Name: "memory_budget_used_bytes", Type: Gauge,
		Help: "Memory in use of the parts of the memory budget.", Labels: []Label{part}})
	Refusals = define(Metric{Name: "memory_budget_refusals_total", Type: Counter, Labels: []Label{part},
		Help: "Requests for memory for which a part of the budget had no room, " +
			"also after a wait. The mount then fails with the kind node_full; for secrets and clients it first makes room and " +
			"tries again."})
	LogLost = define(Metric{Name: "log_lines_lost_total", Type: Counter,
		Help:   "Lines of the log that were lost. The log says so too when it can be written again.",
		Labels: []Label{lostReason}})
	AuditLost = define(Metric{Name: "audit_records_lost_total", Type: Counter,
		Help:   "Records of the audit that were lost. The stream says so too when it can be written again.",
		Labels: []Label{lostReason}})
	SpansLost = define(Metric{Name: "trace_spans_lost_total", Type: Counter, Help: "Spans of traces that were lost.",
		Labels: []Label{lostReason}})
	EventsSent = define(Metric{Name: "events_sent_total", Type: Counter,
		Help: "Events of pods that the API server accepted, with the flag --events."})
	EventsLost = define(Metric{Name: "events_lost_total", Type: Counter,
		Help: "Events of pods that were not sent. The next mounts of the volume try again if they are still true.",
		Labels: []Label{{Name: "reason", Says: "`over`: the volume's state had changed back before; `refused`: the API " +
			"server refused it; `full`: too many events wait", Values: []string{"over", "refused", "full"}}}})
	Build = define(Metric{Name: "build_info", Type: Gauge, Help: "Always 1; the version is a label.",
		Labels: []Label{{Name: "version", Says: "the version of the provider", Most: 1}}})
)

func outcomes() (all []string) {
	for _, o := range read.Outcomes() {
		all = append(all, string(o))
	}
	return all
}
