# SPDX-License-Identifier: Apache-2.0
#
# Start with `make demo` and `make test`. `make help` lists all targets.

# LARGE link Prometheus and the API server, which take minutes to compile, and have no goroutines of ours: they are
# tested without the race detector, and not vetted for macOS.
LARGE := test/clients/prometheus test/cluster/admission
MODULES := . test/clients $(LARGE) test/driver test/formats test/release
LINTED := $(MODULES) test/cluster test/dockerfile test/e2e
# The race detector needs a C compiler; without one, the tests run without it.
# test/driver never uses it, since the driver has a data race: k8s.io/mount-utils
# caches without a lock whether systemd runs.
WITHOUT_RACE := test/driver $(LARGE)
RACE := $(shell command -v $$(go env CC) >/dev/null 2>&1 && echo -race)
# By default, a program with the race detector sleeps for a second before it exits: one for each
# package. Races are reported when they happen; only goroutines that outlive all tests lose by it.
export GORACE := atexit_sleep_ms=0
# The number of inputs for each fuzz target, or a duration such as 10m.
FUZZTIME := 20000x
MINUTES := 10
GOVULNCHECK := v1.9.0
ATTACK := 5m
ROUNDS := 9
# For updown: the state of the product that is upgraded from and returned to.
EARLIER := 4d728ac
# For mutate: the packages, the maximum number of mutants (0 means all), and the seed of the sample.
PACKAGES := ./provider/pace ./provider/cache ./provider/quota
MUTANTS := 0
SEED := 1
# More packages whose tests are run. For example, the tests of ./provider cover ./provider/yamlnode, and those of
# ./provider/okms cover ./provider/wire.
ALSO :=

.PHONY: help demo test classes histories simulate simulate-faults fleet fuzz mutate bench soak attack live lint vulncheck build docs man release notices dockerfile image chart chart-package cluster cluster-down e2e podstart updown matrix
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## follow a secret from the store to a pod, on this machine (PAUSE=1 waits for Enter; CAST=FILE records)
	@echo "Building the demo with the real driver. The first time, this takes minutes."
	@cd test/driver && go run ./demo $(if $(PAUSE),-pause) $(if $(CAST),-cast '$(abspath $(CAST))')

test: ## all tests, 50,000 classes, simulated histories and fuzz targets, with the real driver
	@for m in $(MODULES); do echo "== go test in $$m"; \
		case " $(WITHOUT_RACE) " in *" $$m "*) race=;; *) race=$(RACE);; esac; (cd $$m && go test $$race ./...) || exit 1; done
	@$(MAKE) --no-print-directory classes histories fuzz

# Without the race detector, with which 200 are checked by lint, and 50 by the schema.
classes: ## 50,000 valid classes of three objects, and of ten, without a finding of lint, and how long it takes
	@go test -count=1 -run '^TestWhatTheProviderAcceptsIsValid$$' ./cmd/ovhcsi/schema
	@go test -count=1 -run '^$$' -bench '^BenchmarkLint$$' -benchtime 1x ./cmd/ovhcsi/lint

# Without the race detector, which makes a history ten times slower: `go test -race` runs fewer of them.
histories: ## 10,000 simulated histories of mounts, judged by a model (HISTORIES)
	@go test -count=1 -v -timeout 60m -run '^TestHistories$$' ./test/simulation -histories $(or $(HISTORIES),10000)

simulate: ## more histories, from where the last run ended (test/simulation/progress.json), for MINUTES (10) or HISTORIES
	@go test -count=1 -v -timeout 0 -run '^TestSimulate$$' ./test/simulation -state $(CURDIR)/test/simulation/progress.json \
		-processes $(or $(PROCESSES),$(shell nproc 2>/dev/null || echo 2)) $(if $(HISTORIES),-histories $(HISTORIES),-minutes $(MINUTES))

simulate-faults: ## put each fault of test/simulation/faults into the code: the simulation must find it (FAULTS=pattern)
	@go run ./test/simulation/faults -only '$(FAULTS)' -write docs/simulation.md

fleet: ## what a fleet of 1,000 nodes costs OKMS (NODES), written to docs/fleet.md
	@go test -count=1 -v -timeout 0 -run '^Test(Page|FullNodes|.*LeavesNoStep)$$' ./test/fleet -write $(CURDIR)/docs/fleet.md -nodes $(or $(NODES),1000)

fuzz: ## run each fuzz target for FUZZTIME (20000x; FuzzLint, whose inputs take long, 1000x)
	@mkdir -p bin; set -e; for t in provider/rawjson:FuzzFind provider/plan:FuzzPlan provider/render:FuzzRender provider/plan:FuzzConnection provider/config:FuzzConfig provider/okms:FuzzAnswer provider/okms:FuzzRefusal provider/okms:FuzzVersions provider/okms:FuzzLists provider/format:FuzzFormat test/formats:FuzzReaders provider/template:FuzzTemplate provider/certificate:FuzzCertificate cmd/ovhcloud-csi-provider:FuzzProxy cmd/ovhcsi/convert:FuzzConvert cmd/ovhcsi/lint:FuzzLint; do \
		n=$(FUZZTIME); case $$t,$$n in *:FuzzLint,20000x) n=1000x;; esac; \
		echo "== $$t, $$n"; \
		(cd $${t%%:*} && go test . -run '^$$' -fuzz "^$${t##*:}$$" -fuzztime $$n -fuzzminimizetime 1s) >bin/fuzz.log 2>&1 || { cat bin/fuzz.log; exit 1; }; \
		tail -1 bin/fuzz.log; done

mutate: ## mutation tests of PACKAGES (MUTANTS, SEED, ALSO); fail if a mutant survives
	@go run ./test/mutate -n $(MUTANTS) -seed $(SEED) -also '$(ALSO)' $(PACKAGES)

bench: ## benchmarks of mounts, written to docs/performance.md; fail if a target is missed
	@go run ./test/bench -rounds $(ROUNDS) -write docs/performance.md

soak: ## mount for MINUTES (10) during rotation, failures and credential changes
	@SOAK=$(MINUTES)m go test $(RACE) -v -count=1 -timeout $$(($(MINUTES) + 10))m ./test/soak

attack: ## attack the daemon in a cgroup of 256 MiB for ATTACK (5m); needs root
	@ATTACK=$(ATTACK) go test -v -count=1 -timeout 30m -run '^TestMixedAttack$$' ./cmd/ovhcloud-csi-provider

# Not `go test`: a signal must reach the tests, which remove what they wrote. Make exports OKMS_… to them.
live: ## check what is believed of OKMS against a real domain; docs/live.md says what it touches
	@test -n "$$OKMS_ENDPOINT" -a -n "$$OKMS_ID" -a -n "$$OKMS_TOKEN_FILE" || { echo "set OKMS_ENDPOINT=https://<region>.okms.ovh.net, OKMS_ID=<okmsId> and OKMS_TOKEN_FILE=<file with a token that may read and write secrets>; read docs/live.md first"; exit 2; }
	@go test -c -o bin/conformance ./test/conformance
	@OKMS_LIVE=1 exec bin/conformance -test.v -test.timeout 20m

lint: ## gofmt, go vet (for macOS too), staticcheck, and switches that miss a kind
	@unformatted=$$(gofmt -l cmd provider server test); test -z "$$unformatted" || { echo "gofmt would change: $$unformatted"; exit 1; }
	@for m in $(LINTED); do echo "== lint in $$m"; (cd $$m && go vet ./...) || exit 1; done
	@for m in $(filter-out $(LARGE),$(LINTED)); do (cd $$m && GOOS=darwin CGO_ENABLED=0 go vet ./...) || exit 1; done
	@go build -o bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	@for m in $(LINTED); do (cd $$m && $(CURDIR)/bin/staticcheck ./...) || exit 1; done
	@go build -o bin/exhaustive github.com/nishanths/exhaustive/cmd/exhaustive
	@bin/exhaustive -typeonly '^$(shell go list -m)/.*[.](Kind|Cause)$$' ./...

# The only failure that is ignored: the database cannot be fetched.
vulncheck: ## known vulnerabilities in the code that is called (govulncheck)
	@mkdir -p bin; go run golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK) ./... >bin/vulncheck.log 2>&1; code=$$?; \
	if grep -q '^govulncheck: fetching vulnerabilities' bin/vulncheck.log; then \
		echo "skipped: the vulnerability database, https://vuln.go.dev, is unreachable"; \
	else cat bin/vulncheck.log; exit $$code; fi

build: ## build the daemon and the tool into bin/
	@CGO_ENABLED=0 go build -trimpath -tags grpcnotrace -ldflags '-s -w' -o bin/ ./cmd/...

docs: ## check links, YAML and commands of all pages, and count them
	@go test -count=1 -v -run OfPages ./test ./cmd/ovhcsi

man: ## write the manual pages of the tool to bin/man
	@go run ./cmd/ovhcsi man bin/man && ls bin/man

release: ## build all files of VERSION (such as 0.1.0) into bin/release; URL is where they will be published
	@cd test/release && go run . -version '$(VERSION)' $(if $(URL),-url '$(URL)')

notices: ## write THIRD_PARTY_NOTICES, the licences of all modules in the programs
	@cd test/release && go run . -notices

dockerfile: ## check what `docker build` would do for each platform (BuildKit's front end)
	@test/image/check

# `docker build .` does not need this target, but must be able to pull a golang image.
image: dockerfile ## build the image with buildah into bin/ (IMAGE_ARCH=amd64|arm64)
	@IMAGE_ARCH=$(or $(IMAGE_ARCH),$(shell go env GOARCH)) test/image/build

chart: ## check the chart without a cluster: lint, values, misspelt values, manifests/, package
	@test/chart/check

chart-package: ## package the chart together with the driver's chart into bin/
	@charts/package bin && ls bin/ovhcloud-csi-provider-*.tgz

cluster: ## boot a Kubernetes node with the driver on this machine (needs root, Linux)
	@test/cluster/up

cluster-down: ## take the node down and remove all its files
	@test/cluster/down

e2e: ## scenarios in a real cluster: that of KUBECONFIG, or a node booted for them
	@test/e2e/run

podstart: ## how long pods take to start on a node booted for it, written to docs/podstart.md
	@PODSTART='-write docs/podstart.md' test/e2e/run podstart

updown: ## upgrade from EARLIER (a commit) and return to it under load: daemons alone, then a cluster as in e2e
	@test/e2e/earlier $(EARLIER) && test/e2e/handover && test/e2e/run updown

matrix: ## the scenarios with each version of Kubernetes and of the driver (PAIRS=pattern, such as 1.37), written to docs/versions.md
	@go run ./test/matrix -only '$(PAIRS)' -write docs/versions.md
