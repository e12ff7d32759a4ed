# Needs go, make, node and git, and `make test` a C compiler. `make` alone explains the targets.

.DEFAULT_GOAL := help
SHELL := /bin/sh

# The generators and linters have a module of their own, so that the server's stays small. They need
# no C compiler.
TOOL := CGO_ENABLED=0 go tool -modfile=tools/go.mod
NPM_CI := npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

FUZZTIME ?= 20s
TEST_TIMEOUT ?= 45m
BASE ?=

export REDOCLY_TELEMETRY := off

# The race detector's shadow of 19 MiB is mapped anew for every password: in large pages that takes half as long.
export GORACE ?= no_huge_pages_for_shadow=0

.PHONY: help build run sdk test test-go test-typescript check generate generated-is-fresh sql-is-fresh \
	spec-lint spec-breaks console-types lint vet format bench fuzz battery clean

help: ## explains the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## Building

build: bin/toolkit-gateway ## builds bin/toolkit-gateway with the documentation page and the console in it

# Go knows best what has changed, so it is always asked.
.PHONY: bin/toolkit-gateway
bin/toolkit-gateway: api/docs/scalar.js.gz web/console/dist/index.html
	@echo "==> building bin/toolkit-gateway $(VERSION)"
	@CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X github.com/konec/toolkit-gateway/internal/app.version=$(VERSION)' -o $@ .

run: build ## starts a development server; needs nothing but this
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

# npm's tree is made again only when the lock file has changed.
web/node_modules/.stamp: web/package.json web/package-lock.json web/sdk/package.json web/console/package.json
	@echo "==> installing the tools of the web workspace"
	@cd web && $(NPM_CI)
	@touch $@

## Testing

test: test-go test-typescript ## runs every test: Go with the race detector, and the TypeScript SDK

# The SDK and the console are built first: Go tests send the one to a running server, and open the other in a browser.
test-go: web/sdk/dist/.stamp web/console/dist/index.html
	@echo "==> go test -race"
	@go test -race -parallel 3 -timeout $(TEST_TIMEOUT) ./...

test-typescript: web/sdk/dist/.stamp
	@echo "==> testing the TypeScript SDK"
	@cd web/sdk && node --test --test-reporter=spec test/session.test.mjs test/console.test.mjs

web/sdk/dist/.stamp: web/node_modules/.stamp web/sdk/tsconfig.json $(wildcard web/sdk/src/*.ts) \
		$(wildcard gen/typescript/*.ts gen/typescript/*/*.ts)
	@echo "==> building the TypeScript SDK"
	@rm -rf web/sdk/dist
	@cd web/sdk && ../node_modules/.bin/tsc -p tsconfig.json
	@touch $@

battery: ## runs the long tests too: crashes, load, statistics (hours)
	@echo "==> go test -race -tags battery"
	@go test -race -tags battery -timeout 240m ./...
	@echo "==> go test -tags battery -run TestTiming (50 minutes on an idle machine; not -race, which would hide what is measured)"
	@go test -tags battery -run '^TestTiming' -timeout 90m ./test/privacy

fuzz: ## runs every fuzz target for FUZZTIME (20s)
	@grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' internal test api sql 2>/dev/null | sort | while read -r file; do \
		sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$$file" | while read -r target; do \
			echo "==> fuzzing $$target for $(FUZZTIME) ($$(dirname "$$file"))"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")" </dev/null || exit 1; \
		done || exit 1; \
	done

bench: ## measures the server beside a floor program, and prints the ratios
	@echo "==> measuring; nothing else should run on this machine"
	@go run ./bench

## Checking

check: generated-is-fresh sql-is-fresh spec-lint spec-breaks console-types format vet lint ## checks everything that needs no test
	@echo "==> all checks passed"

generate: web/node_modules/.stamp ## writes gen/ again from api/ and sql/
	@echo "==> generating gen/api and gen/client (builds the generator the first time)"
	@mkdir -p gen/api gen/client
	@$(TOOL) oapi-codegen -config oapi-codegen.yaml api/openapi.yaml
	@$(TOOL) oapi-codegen -config api/client.yaml api/openapi.yaml
	@echo "==> generating gen/db (builds sqlc the first time: a minute)"
	@$(TOOL) sqlc generate
	@for file in gen/db/*.sql.go; do \
		[ -f "sql/queries/$$(basename "$$file" .go)" ] || rm -f "$$file"; \
	done
	@echo "==> generating gen/typescript"
	@cd web && node_modules/.bin/openapi-ts --silent

# Compares with what git holds, so a file that is not committed at all is stale too.
generated-is-fresh: generate
	@stale=$$(git status --porcelain --untracked-files=all -- gen); \
	if [ -n "$$stale" ]; then \
		echo "$$stale"; \
		git --no-pager diff -- gen | head -n 60; \
		echo "gen/ is not what the tools write from api/ and sql/, or not committed: commit what 'make generate' has just written, then check again." >&2; \
		exit 1; \
	fi

sql-is-fresh: generate
	@echo "==> compiling the queries against the schema"
	@$(TOOL) sqlc compile
	@$(TOOL) sqlc diff

spec-lint: web/node_modules/.stamp
	@echo "==> linting api/openapi.yaml"
	@web/node_modules/.bin/redocly lint --config redocly.yaml api/openapi.yaml

console-types: web/node_modules/.stamp
	@echo "==> checking the types of the console"
	@cd web/console && ../node_modules/.bin/tsc --noEmit

# Compares with BASE; without it with where this branch left main; on main itself with the last commit while
# the document is being edited, and otherwise with what it was before the last commit that changed it. Nothing is said of
# new error codes, which clients are told to expect (.oasdiff-levels.txt).
spec-breaks:
	@mkdir -p .dev
	@base='$(BASE)'; \
	head=$$(git rev-parse --verify --quiet HEAD); \
	if [ -z "$$base" ]; then \
		for ref in origin/main main; do \
			base=$$(git merge-base HEAD "$$ref" 2>/dev/null) && break; \
		done; \
		if [ "$$base" = "$$head" ]; then base=; fi; \
	fi; \
	if [ -z "$$base" ] && ! git diff --quiet HEAD -- api/openapi.yaml 2>/dev/null; then base=$$head; fi; \
	if [ -z "$$base" ]; then \
		changed=$$(git log -n 1 --format=%H -- api/openapi.yaml 2>/dev/null); \
		if [ -n "$$changed" ]; then base=$$(git rev-parse --verify --quiet "$$changed~1"); fi; \
	fi; \
	if [ -z "$$base" ] || ! git show "$$base:api/openapi.yaml" >.dev/base.yaml 2>/dev/null; then \
		echo "==> no earlier api/openapi.yaml is at hand; not looking for breaking changes"; \
	else \
		echo "==> looking for breaking changes since $$(git rev-parse --short "$$base")"; \
		$(TOOL) oasdiff breaking --fail-on ERR --severity-levels .oasdiff-levels.txt .dev/base.yaml api/openapi.yaml; \
	fi

format:
	@echo "==> gofmt"
	@unformatted=$$(git ls-files -co --exclude-standard -- '*.go' ':!gen' | xargs gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi

vet:
	@echo "==> go vet"
	@go vet ./...
	@go vet -tags battery ./...

lint: ## runs the linter alone; .golangci.yml says what for
	@echo "==> golangci-lint (builds it the first time: a minute)"
	@$(TOOL) golangci-lint run ./...

## Cleaning

clean: ## removes what was built and fetched; the development database in .dev/ stays
	rm -rf bin web/node_modules web/docs/node_modules web/sdk/dist web/sdk/LICENSE api/docs/scalar.js.gz \
		web/console/dist/assets web/console/dist/index.html
