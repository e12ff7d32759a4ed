# Requires go, make, node and git; `make check` requires Python 3.10 with venv too, and `make test` a C compiler. `make` alone
# lists the targets.

.DEFAULT_GOAL := help
SHELL := /bin/sh

# The generators and linters have their own module, which keeps the server's module small. They need no C compiler.
TOOL := CGO_ENABLED=0 go tool -modfile=tools/go.mod
NPM_CI := npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

FUZZTIME ?= 20s
TEST_TIMEOUT ?= 45m
BASE ?=

REDOCLY := web/node_modules/.bin/redocly
SPECTRAL := web/node_modules/.bin/spectral
PYTHON := .dev/python
REDOCLY_CONFIG := --config api/redocly.yaml
export REDOCLY_TELEMETRY := off

# For every password the race detector maps its shadow of 19 MiB again. Small pages would double the time.
export GORACE ?= no_huge_pages_for_shadow=0

.PHONY: help build run sdk quick test test-go test-typescript check bundle generate generated-is-fresh sql-is-fresh \
	spec-lint promises modules-are-tidy console-types words lint vet format bench fuzz battery timing failover attack clean

help: ## lists the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## Building

build: bin/toolkit-gateway ## builds bin/toolkit-gateway, with the documentation page and the console embedded

# Always run: go build itself detects what has changed.
.PHONY: bin/toolkit-gateway
bin/toolkit-gateway: api/docs/scalar.js.gz web/console/dist/index.html
	@echo "==> building bin/toolkit-gateway $(VERSION)"
	@CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X github.com/konec/toolkit-gateway/internal/app.version=$(VERSION)' -o $@ .

run: build ## starts a development server, without any preparation
	@./bin/toolkit-gateway dev

sdk: web/sdk/dist/.stamp ## builds the TypeScript SDK, for `npm install PATH/web/sdk`

api/docs/scalar.js.gz: web/docs/package-lock.json web/docs/build.mjs
	@echo "==> fetching the reader of the documentation page"
	@cd web/docs && $(NPM_CI)
	@node web/docs/build.mjs

web/console/dist/index.html: web/node_modules/.stamp web/console/index.html web/console/vite.config.mjs \
		$(shell find web/console/src web/sdk/src gen/typescript -type f)
	@echo "==> building the console"
	@cd web/console && ../node_modules/.bin/vite build --logLevel warn
	@touch $@

# Packages are installed again only after the lock file has changed.
web/node_modules/.stamp: web/package.json web/package-lock.json web/sdk/package.json web/console/package.json
	@echo "==> installing the tools of the web workspace"
	@cd web && $(NPM_CI)
	@touch $@

## Testing

test: test-go test-typescript ## runs every test: Go with the race detector, and the TypeScript SDK

# What the domain's other packages have is in make test: each starts a Postgres of its own, and most are slow for a reason.
QUICK := $(addprefix ./internal/domain/,account administration federation password profile registration session signin timeline)

quick: ## runs in about a minute the tests that tell most
	@echo "==> go test of the domain, the platform, the surfaces and the pages"
	@go test ./docs ./api $(QUICK) $$(go list ./internal/platform/... | grep -v pgcluster) ./internal/surface/...
	@echo "==> go test of the document's operations"
	@go test ./test/contract -run 'Document|Operation|Schemas|Codes|EveryResponse|Journey'

# Go tests use the built SDK against a running server, and open the built console in a browser.
test-go: web/sdk/dist/.stamp web/console/dist/index.html
	@echo "==> go test -race"
	@go test -race -parallel 3 -timeout $(TEST_TIMEOUT) ./...

test-typescript: web/sdk/dist/.stamp
	@echo "==> testing the TypeScript SDK"
	@cd web/sdk && node --test --test-reporter=spec test/*.test.mjs

web/sdk/dist/.stamp: web/node_modules/.stamp web/sdk/tsconfig.json $(wildcard web/sdk/src/*.ts) \
		$(wildcard gen/typescript/*.ts gen/typescript/*/*.ts)
	@echo "==> building the TypeScript SDK"
	@rm -rf web/sdk/dist
	@cd web/sdk && ../node_modules/.bin/tsc -p tsconfig.json
	@touch $@

battery: web/sdk/dist/.stamp web/console/dist/index.html ## runs all tests and the long ones, but for make timing: crashes, load, attacks
	@echo "==> go test -race -tags battery"
	@go test -race -tags battery -timeout 240m $$(go list ./... | grep -v -e /test/attack -e /test/failover)
	@$(MAKE) --no-print-directory failover
	@$(MAKE) --no-print-directory attack

# Alone on an idle machine, because it compares durations. The race detector would hide what is measured.
timing: ## shows that the duration of a response reveals no account (3 hours)
	@echo "==> go test -tags battery -run TestTiming ./test/privacy (3 hours)"
	@go test -tags battery -run '^TestTiming' -timeout 240m ./test/privacy

# Alone, because it measures times. As root on Debian: it installs packages, and starts a cluster in network namespaces.
failover: ## breaks a Patroni cluster of three nodes in many ways, and measures what users notice (30 minutes, as root)
	@echo "==> go test -tags battery ./test/failover (30 minutes)"
	@go test -tags battery -count 1 -timeout 60m -v ./test/failover

# Alone, because it measures times. The program is built without the race detector, as operators run it.
attack: ## attacks two replicas by HTTP, for a simulated day; GATEWAY=path names another program
	@echo "==> go test -tags battery ./test/attack (10 minutes)"
	@go test -tags battery -count 1 -timeout 40m ./test/attack

fuzz: ## runs every fuzz target for FUZZTIME (20s)
	@grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' internal test api sql 2>/dev/null | sort | while read -r file; do \
		sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$$file" | while read -r target; do \
			echo "==> fuzzing $$target for $(FUZZTIME) ($$(dirname "$$file"))"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")" </dev/null || exit 1; \
		done || exit 1; \
	done

bench: ## measures the server beside a floor program and prints the ratios
	@echo "==> measuring; run nothing else on this machine"
	@go run ./bench

## Checking

check: generated-is-fresh sql-is-fresh spec-lint promises modules-are-tidy console-types words format vet lint ## runs every check except the tests
	@echo "==> all checks passed"

# Package api embeds the bundle by way of package gen: go:embed does not reach outside its own folder.
bundle: web/node_modules/.stamp
	@echo "==> bundling the parts of api/ into gen/openapi.yaml"
	@log=$$($(REDOCLY) bundle $(REDOCLY_CONFIG) api/openapi.yaml -o gen/openapi.yaml 2>&1) || { echo "$$log" >&2; exit 1; }
	@printf '%s\n' '// Code generated by make. DO NOT EDIT.' '' '// Package gen holds the bundle of the OpenAPI document.' \
		'package gen' '' 'import _ "embed"' '' '// Document is openapi.yaml.' '//' '//go:embed openapi.yaml' \
		'var Document []byte' >gen/openapi.go

generate: bundle ## generates gen/ from api/ and sql/
	@echo "==> generating gen/api and gen/client (builds the generator the first time)"
	@mkdir -p gen/api gen/client
	@$(TOOL) oapi-codegen -config oapi-codegen.yaml gen/openapi.yaml
	@$(TOOL) oapi-codegen -config api/oapi-codegen.client.yaml gen/openapi.yaml
	@echo "==> generating gen/db (builds sqlc the first time: a minute)"
	@$(TOOL) sqlc generate
	@for file in gen/db/*.sql.go; do \
		[ -f "sql/queries/$$(basename "$$file" .go)" ] || rm -f "$$file"; \
	done
	@echo "==> generating gen/typescript"
	@cd web && node_modules/.bin/openapi-ts --silent && node trim.mjs ../gen/typescript

# Compares with the commit: a generated file that is not committed is stale too.
generated-is-fresh: generate
	@stale=$$(git status --porcelain --untracked-files=all -- gen); \
	if [ -n "$$stale" ]; then \
		echo "$$stale"; \
		git --no-pager diff -- gen | head -n 60; \
		echo "gen/ differs from what the tools generate, or is not committed: commit what 'make generate' has just written, then check again." >&2; \
		exit 1; \
	fi

sql-is-fresh: generate
	@echo "==> compiling the queries against the schema"
	@$(TOOL) sqlc compile
	@$(TOOL) sqlc diff

# Three tools with different readings of the standard: what one accepts, another may refuse, and with it its users.
spec-lint: bundle web/node_modules/.stamp $(PYTHON)/.stamp
	@echo "==> linting api/openapi.yaml and its parts"
	@$(REDOCLY) lint $(REDOCLY_CONFIG) api/openapi.yaml
	@$(SPECTRAL) lint --quiet --fail-severity hint --ruleset api/spectral.yaml gen/openapi.yaml
	@$(PYTHON)/bin/openapi-spec-validator gen/openapi.yaml

# The reference validator is written in Python. Each package is pinned with its hashes.
$(PYTHON)/.stamp: tools/python/requirements.txt
	@echo "==> installing the reference validator of OpenAPI documents"
	@python3 -m venv --clear $(PYTHON)
	@$(PYTHON)/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r tools/python/requirements.txt
	@touch $@

console-types: web/node_modules/.stamp
	@echo "==> checking the types of the console"
	@cd web/console && ../node_modules/.bin/tsc --noEmit

# Compares the document, and the sums of landed migrations, with those of the commit at which this branch left main; on main
# with the last release; tools/promises/base.go says it all. BASE names another commit. Without one it fails if CI=true.
promises: bundle
	@CGO_ENABLED=0 go -C tools test ./promises
	@CGO_ENABLED=0 go -C tools run ./promises -root .. -base '$(BASE)'

# Compares both go.mod with what the sources import.
modules-are-tidy:
	@echo "==> comparing go.mod with the imports"
	@go mod tidy -diff
	@go -C tools mod tidy -diff

format:
	@echo "==> gofmt"
	@unformatted=$$(git ls-files -co --exclude-standard -- '*.go' ':!gen' | xargs gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi

vet:
	@echo "==> go vet"
	@go vet ./...
	@go vet -tags battery ./...

words: ## lists words that our English avoids; tools/words/main.go has them
	@echo "==> looking for words to replace"
	@go -C tools run ./words -root .. .

lint: ## runs the linter alone; .golangci.yml explains its rules
	@echo "==> golangci-lint (builds it the first time: a minute)"
	@$(TOOL) golangci-lint run ./...

## Cleaning

clean: ## removes what was built and downloaded, but not the development database in .dev/
	rm -rf bin web/node_modules web/docs/node_modules web/sdk/dist web/sdk/LICENSE api/docs/scalar.js.gz \
		web/console/dist/assets web/console/dist/index.html
