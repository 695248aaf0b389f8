# The two commands for a newcomer are `make demo` and `make test`.
# `make help` lists all.

MODULES := . test/clients test/driver
LINTED := $(MODULES) test/cluster test/dockerfile test/e2e
# The race detector needs a C compiler; without one the tests run all the same.
# The driver has races of its own (k8s.io/mount-utils asks once, unguarded,
# whether there is a systemd), so its scenarios run without.
RACE := $(shell command -v $$(go env CC) >/dev/null 2>&1 && echo -race)
# So many inputs, or a time such as 10m.
FUZZTIME := 20000x
MINUTES := 10
GOVULNCHECK := v1.9.0
ATTACK := 5m
ROUNDS := 9
# For mutate: the packages, the most mutants to run (0 for all), and the seed of the sample.
PACKAGES := ./provider/pace ./provider/cache ./provider/quota
MUTANTS := 0
SEED := 1
# More packages whose tests are run: those of ./provider test ./provider/yamlnode, those of ./provider/okms ./provider/wire.
ALSO :=

.PHONY: help demo test fuzz mutate bench soak attack lint vulncheck build dockerfile image chart chart-package cluster cluster-down e2e
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## a secret on its way on this machine: store, daemon, driver, pod
	@cd test/driver && go run ./demo

test: ## every test, the real driver included
	@for m in $(MODULES); do echo "== go test in $$m"; (cd $$m && go test $$([ $$m = test/driver ] || echo $(RACE)) ./...) || exit 1; done
	@$(MAKE) --no-print-directory fuzz

fuzz: ## each fuzz target for FUZZTIME
	@mkdir -p bin; set -e; for t in provider/rawjson:FuzzFind provider/plan:FuzzPlan provider/render:FuzzRender provider/plan:FuzzConnection provider/connections:FuzzConfig provider/okms:FuzzAnswer provider/okms:FuzzRefusal provider/okms:FuzzVersions cmd/ovhcloud-csi-provider:FuzzProxy; do \
		echo "== $$t, $(FUZZTIME)"; \
		go test ./$${t%%:*} -run '^$$' -fuzz "^$${t##*:}$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s >bin/fuzz.log 2>&1 || { cat bin/fuzz.log; exit 1; }; \
		tail -1 bin/fuzz.log; done

mutate: ## mutation tests of PACKAGES; fails if a mutant survives (MUTANTS, SEED, ALSO)
	@go run ./test/mutate -n $(MUTANTS) -seed $(SEED) -also '$(ALSO)' $(PACKAGES)

bench: ## what a mount costs, into docs/performance.md; fails where a figure is missed
	@go run ./test/bench -rounds $(ROUNDS) -write docs/performance.md

soak: ## mounts for MINUTES (10) through rotation, failures and changes of credentials
	@SOAK=$(MINUTES)m go test $(RACE) -v -count=1 -timeout $$(($(MINUTES) + 10))m ./test/soak

attack: ## a mixed attack on the daemon in a cgroup of 256 MiB for ATTACK (5m); as root
	@ATTACK=$(ATTACK) go test -v -count=1 -timeout 30m -run '^TestMixedAttack$$' ./cmd/ovhcloud-csi-provider

lint: ## gofmt, go vet (for macOS too), staticcheck, and switches that miss a kind
	@unformatted=$$(gofmt -l cmd provider server test); test -z "$$unformatted" || { echo "gofmt would change: $$unformatted"; exit 1; }
	@for m in $(LINTED); do echo "== lint in $$m"; (cd $$m && go vet ./... && GOOS=darwin CGO_ENABLED=0 go vet ./...) || exit 1; done
	@go build -o bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	@for m in $(LINTED); do (cd $$m && $(CURDIR)/bin/staticcheck ./...) || exit 1; done
	@go build -o bin/exhaustive github.com/nishanths/exhaustive/cmd/exhaustive
	@bin/exhaustive -typeonly '^$(shell go list -m)/.*[.](Kind|Cause)$$' ./...

# Only a failure to fetch the database is ignored.
vulncheck: ## known vulnerabilities in the code that is called, by govulncheck
	@mkdir -p bin; go run golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK) ./... >bin/vulncheck.log 2>&1; code=$$?; \
	if grep -q '^govulncheck: fetching vulnerabilities' bin/vulncheck.log; then \
		echo "left out: the database of vulnerabilities, https://vuln.go.dev, cannot be reached"; \
	else cat bin/vulncheck.log; exit $$code; fi

build: ## the daemon and the tool, into bin/
	@CGO_ENABLED=0 go build -trimpath -tags grpcnotrace -ldflags '-s -w' -o bin/ ./cmd/...

dockerfile: ## what `docker build` would do for each platform, by BuildKit's front end
	@test/image/check

# Where golang images can be pulled, `docker build .` needs nothing of this.
image: dockerfile ## the image by buildah from binaries built here, into bin/ (IMAGE_ARCH=amd64|arm64)
	@IMAGE_ARCH=$(or $(IMAGE_ARCH),$(shell go env GOARCH)) test/image/build

chart: ## the chart without a cluster: lint, every value, typos, manifests/, the package
	@test/chart/check

chart-package: ## the chart as one file with the driver's inside, into bin/
	@charts/package bin && ls bin/ovhcloud-csi-provider-*.tgz

cluster: ## a real Kubernetes node on this machine, with the driver (root, Linux)
	@test/cluster/up

cluster-down: ## take it down; nothing of it stays
	@test/cluster/down

e2e: ## end-to-end scenarios in KUBECONFIG's cluster, or on a node booted for them
	@test/e2e/run
