# The two commands for a newcomer are `make demo` and `make test`.
# `make help` lists all.

MODULES := . test/clients test/driver
# The race detector needs a C compiler; without one the tests run all the same.
# The driver has races of its own (k8s.io/mount-utils asks once, unguarded,
# whether there is a systemd), so its stories run without.
RACE := $(shell command -v $$(go env CC) >/dev/null 2>&1 && echo -race)
FUZZTIME := 5s

.PHONY: help demo test fuzz bench soak lint build image
help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' $(MAKEFILE_LIST)

demo: ## the whole way of a secret, on this machine: store, daemon, driver, pod
	@cd test/driver && go run ./demo

test: ## every test, the real driver included
	@for m in $(MODULES); do echo "== go test in $$m"; (cd $$m && go test $$([ $$m = test/driver ] || echo $(RACE)) ./...) || exit 1; done
	@$(MAKE) --no-print-directory fuzz

fuzz: ## each fuzz target for FUZZTIME
	@set -e; for t in provider:FuzzPlan provider:FuzzRender provider/okms:FuzzAnswer; do \
		echo "== $$t for $(FUZZTIME)"; \
		go test ./$${t%%:*} -run '^$$' -fuzz "^$${t##*:}$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s | tail -1; done

bench: ## what a mount costs, into docs/performance.md; fails if a figure is missed
	@go run ./test/bench -write docs/performance.md

# The race detector would multiply the memory that is looked at.
SOAK_MINUTES := 5
soak: ## mounts, rotation and failures for SOAK_MINUTES; memory must come back
	@SOAK_MINUTES=$(SOAK_MINUTES) go test ./test/soak -run Soak -v -count 1 -timeout 0

lint: ## gofmt, go vet (for macOS too) and staticcheck
	@unformatted=$$(gofmt -l cmd provider server test); test -z "$$unformatted" || { echo "gofmt would change: $$unformatted"; exit 1; }
	@for m in $(MODULES); do echo "== lint in $$m"; (cd $$m && go vet ./... && GOOS=darwin CGO_ENABLED=0 go vet ./...) || exit 1; done
	@go build -o bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	@for m in $(MODULES); do (cd $$m && $(CURDIR)/bin/staticcheck ./...) || exit 1; done

build: ## the daemon and the tool, into bin/
	@CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/ ./cmd/...

# Where golang images can be pulled, `docker build .` needs nothing of this.
image: ## the image by buildah from binaries built here, into bin/ (IMAGE_ARCH=amd64|arm64)
	@IMAGE_ARCH=$(or $(IMAGE_ARCH),$(shell go env GOARCH)) test/image/build
