# Names and functions of the scripts in this directory. It is sourced, not run.

# A machine can run only one such cluster, since the addresses and names below are fixed.
state=/var/lib/ovhcsi-cluster  # everything that the cluster writes; removed at the end
node=ovhcsi-node               # the node's name
node_ip=198.51.100.2           # from a block for documentation, not used by real networks
host_ip=198.51.100.1           # this machine, as the node sees it
service_ip=10.96.0.1           # the apiserver, as pods see it
bin=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/bin/cluster
images=$bin/images
modules=$bin/modules # of versions that are not those of this directory
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

fail() { echo "cluster: $*" >&2; exit 1; }
say() { echo "cluster: $*"; }

# within SECONDS COMMAND…: repeats the command until it succeeds; fails after SECONDS.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

# missing: prints what this machine lacks to run a node, one item per line.
missing() {
	[ "$(uname -s)" = Linux ] || { echo "Linux (this is $(uname -s))"; return; }
	[ "$(id -u)" = 0 ] || echo "root (this is user $(id -un))"
	local command
	for command in go unshare nsenter ip iptables openssl buildah runc; do
		command -v $command >/dev/null || echo "the command $command"
	done
	[ -x /usr/lib/cni/bridge ] || [ -x /opt/cni/bin/bridge ] || echo "the CNI plugins (/usr/lib/cni/bridge)"
	[ -x /bin/busybox ] || echo "the command /bin/busybox"
}

# check: exits with status 3 if this machine cannot run a node.
check() {
	local lacks
	lacks=$(missing)
	[ -z "$lacks" ] && return
	echo "cluster: this machine cannot run a node. It lacks:" >&2
	echo "$lacks" | sed 's/^/  - /' >&2
	echo "On Debian, run as root: test/cluster/packages" >&2
	echo "Or use another cluster: set KUBECONFIG, see test/e2e/README.md" >&2
	exit 3
}

# kubernetes_module: prints the directory of the module from which Kubernetes is built:
# that of this directory, or one for the version in KUBERNETES, such as 1.34.4.
kubernetes_module() {
	[ -n "${KUBERNETES:-}" ] || { echo "$here/kubernetes"; return; }
	[ -e "$modules/kubernetes-$KUBERNETES/go.sum" ] ||
		"$here/kubernetes/module" "$KUBERNETES" "$modules/kubernetes-$KUBERNETES" >&2 || return 1
	echo "$modules/kubernetes-$KUBERNETES"
}

# driver_module: the same for the driver, whose version may be in DRIVER, such as 1.5.6.
driver_module() {
	[ -n "${DRIVER:-}" ] || { echo "$here/tools"; return; }
	[ -e "$modules/driver-$DRIVER/go.sum" ] || "$here/tools/module" "$DRIVER" "$modules/driver-$DRIVER" >&2 || return 1
	echo "$modules/driver-$DRIVER"
}

# version_of MODULE DIRECTORY: prints which version the module of a directory takes.
version_of() { (cd "$2" && go list -m -f '{{.Version}}' "$1"); }

# machine_pid: prints the process id of the node's init; fails if it does not run.
machine_pid() {
	local pid
	pid=$(cat $state/pid 2>/dev/null) || return 1
	[ -d "/proc/$pid" ] && grep -qs ovhcsi-machine "/proc/$pid/cmdline" && echo "$pid"
}

# only_ours PID: exits if the node was booted from another checkout. All checkouts share
# one node, and one checkout must not stop the node of another or replace its images.
only_ours() {
	local from
	from=$(readlink "/proc/$1/cwd") || fail "cannot find out which checkout booted the running node (process $1)"
	[ "$from" = "$here" ] || fail "the running node was booted from $from, not from this checkout; run make cluster-down there"
}
