# Names and checks that up, down and build share. Sourced, not run.

# One machine holds one cluster of this kind: the address and the names below are
# the same for all.
state=/var/lib/ovhcsi-cluster  # all that the cluster writes; removed at the end
node=ovhcsi-node               # the node's name
node_ip=198.51.100.2           # of a block for documentation, on no real network
host_ip=198.51.100.1           # this machine, as the node sees it
service_ip=10.96.0.1           # the apiserver, as pods see it
bin=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/bin/cluster
images=$bin/images

fail() { echo "cluster: $*" >&2; exit 1; }
say() { echo "cluster: $*"; }

# within SECONDS COMMAND…: asks again until the command succeeds. The waiting is on
# a condition, the pause between two looks only spares the machine.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

# missing prints what this machine lacks to run a node, one thing a line.
missing() {
	[ "$(uname -s)" = Linux ] || { echo "Linux (this is $(uname -s))"; return; }
	[ "$(id -u)" = 0 ] || echo "root (this is user $(id -un))"
	local command
	for command in go unshare nsenter ip iptables openssl buildah containerd ctr runc; do
		command -v $command >/dev/null || echo "the command $command"
	done
	[ -x /usr/lib/cni/bridge ] || [ -x /opt/cni/bin/bridge ] || echo "the CNI plugins (/usr/lib/cni/bridge)"
	[ -x /bin/busybox ] || echo "the command /bin/busybox"
}

# check ends the script if this machine cannot run a node.
check() {
	local lacks
	lacks=$(missing)
	[ -z "$lacks" ] && return
	echo "cluster: this machine cannot run a node of its own. It lacks:" >&2
	echo "$lacks" | sed 's/^/  - /' >&2
	echo "On Debian, as root: test/cluster/packages" >&2
	echo "Any other cluster will do as well: set KUBECONFIG, see test/e2e/README.md" >&2
	exit 3
}

# machine_pid prints the process id of the node's init, if it runs.
machine_pid() {
	local pid
	pid=$(cat $state/pid 2>/dev/null) || return 1
	[ -d "/proc/$pid" ] && grep -qs ovhcsi-machine "/proc/$pid/cmdline" && echo "$pid"
}

# only_ours PID ends the script if the node was booted from another checkout: there
# is one node for all of them, and its user is not to lose it, or find other images
# in it.
only_ours() {
	local here from
	here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
	from=$(readlink "/proc/$1/cwd") || fail "cannot find out which checkout booted the running node (process $1)"
	[ "$from" = "$here" ] || fail "the running node was booted from $from, not from this checkout; end it from there"
}
