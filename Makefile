# Fieldpost: two commands are enough: `make demo` and `make test`.
#
#   make demo    a gateway, two edges and emulated instruments on this machine; needs Go only (LISTEN=127.0.0.1:8080 to change)
#   make test    set-up, then every check and every test
#   make prove   the promises at full length (docs/guarantees.md): the torture campaign, 500 power cuts on each store, the figures after an outage;
#                MINUTES=60 and SEED=1 to change. Power cuts need root
#   make bench   the figures of docs/benchmarks.md, measured anew on this machine in some twenty minutes
#   make check   formatting, vet, staticcheck
#   make build   the binaries for this machine, in bin/
#   make ui      the dashboard, which the gateway's binary carries; needs Node.js 20.19 or newer and npm. The targets above
#                call it where there is npm; without it the gateway works and its page says how to get the dashboard
#   make cross   stripped, static binaries for linux/amd64, arm64 and arm (GOARM=6), in bin/<target>/

LISTEN ?= 127.0.0.1:8080
MINUTES ?= 60
SEED ?= 1
STRIPPED := -trimpath -ldflags "-s -w"
export CGO_ENABLED ?= 0

UI := gateway/web/ui
PAGE := gateway/web/dist/index.html

.PHONY: demo test prove bench check build cross setup ui ui-if-npm
.DEFAULT_GOAL := build

setup:
	@scripts/setup

ui: $(PAGE)

$(PAGE): $(UI)/node_modules/.package-lock.json $(UI)/index.html $(UI)/vite.config.mjs $(UI)/tsconfig.json $(wildcard $(UI)/src/*)
	npm --prefix $(UI) run --silent build

$(UI)/node_modules/.package-lock.json: $(UI)/package.json $(UI)/package-lock.json
	npm --prefix $(UI) ci --no-audit --no-fund

ui-if-npm:
	@if command -v npm >/dev/null; then \
		$(MAKE) --no-print-directory ui || echo "The dashboard could not be built; the gateway works without it."; \
	else \
		echo "There is no npm here: the gateway is built without its dashboard."; \
	fi

build: ui-if-npm
	go build -trimpath -o bin/ ./cmd/...

demo: build
	bin/fieldpost-demo -listen $(LISTEN)

check:
	@test -z "$$(gofmt -l .)" || { echo "not formatted; run gofmt -w on:"; gofmt -l .; exit 1; }
	go vet ./...
	go tool staticcheck ./...

# The race detector needs cgo: a C compiler is part of the set-up.
test: setup ui-if-npm check
	CGO_ENABLED=1 go test -race -timeout 20m ./...

bench: setup build
	bin/fieldpost-bench page -o docs/benchmarks.md

prove: setup build
	bin/fieldpost-bench torture -seed $(SEED) -minutes $(MINUTES) -jobs 8
	POWER_CUTS=500 go test -timeout 60m -v -run 'TestPowerCut$$' ./journal ./edge/lane ./gateway/store
	MODEL_WALKS=2000 MODEL_SEED=$(SEED) go test -timeout 60m ./model
	bin/fieldpost-bench outage

cross: ui-if-npm
	@set -e; for target in amd64 arm64 arm; do \
		for command in fieldpost-edge fieldpost-gateway; do \
			mkdir -p bin/linux-$$target; \
			GOOS=linux GOARCH=$$target GOARM=6 go build $(STRIPPED) -o bin/linux-$$target/$$command ./cmd/$$command; \
			printf '%-8s %-18s %10d bytes\n' $$target $$command $$(stat -c %s bin/linux-$$target/$$command); \
		done; \
	done
