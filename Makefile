# Fieldpost: two commands are enough: `make demo` and `make test`.
#
#   make demo    a gateway, an edge and emulated instruments on this machine; needs Go only (LISTEN=127.0.0.1:8080 to change)
#   make test    set-up, then every check and every test
#   make check   formatting, vet, staticcheck
#   make build   the binaries for this machine, in bin/
#   make cross   stripped, static binaries for linux/amd64, arm64 and arm (GOARM=6), in bin/<target>/

LISTEN ?= 127.0.0.1:8080
STRIPPED := -trimpath -ldflags "-s -w"
export CGO_ENABLED ?= 0

.PHONY: demo test check build cross setup
.DEFAULT_GOAL := build

setup:
	@scripts/setup

build:
	go build -trimpath -o bin/ ./cmd/...

demo: build
	bin/fieldpost-demo -listen $(LISTEN)

check:
	@test -z "$$(gofmt -l .)" || { echo "not formatted; run gofmt -w on:"; gofmt -l .; exit 1; }
	go vet ./...
	go tool staticcheck ./...

# The race detector needs cgo: a C compiler is part of the set-up.
test: setup check
	CGO_ENABLED=1 go test -race -timeout 20m ./...

cross:
	@set -e; for target in amd64 arm64 arm; do \
		for command in fieldpost-edge fieldpost-gateway; do \
			mkdir -p bin/linux-$$target; \
			GOOS=linux GOARCH=$$target GOARM=6 go build $(STRIPPED) -o bin/linux-$$target/$$command ./cmd/$$command; \
			printf '%-8s %-18s %10d bytes\n' $$target $$command $$(stat -c %s bin/linux-$$target/$$command); \
		done; \
	done
