# `make` alone explains itself. Debug builds live in .build, release builds in .build-release.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

SWIFT ?= swift
RELEASE_DIR := .build-release
PROXY := $(RELEASE_DIR)/release/heddle-proxy
# A target may import only what the manifest lists for it.
SWIFT_FLAGS := --explicit-target-dependency-import-check error
# The sources that swift-format looks at: ours, not generated ones.
SOURCES = $$(git ls-files -co --exclude-standard '*.swift' | grep -v '\.pb\.swift$$')
BENCH_ARGS ?=
DEMO_ARGS ?=
DEMO_PRODUCTS := heddle-proxy hipstershop heddle
# As old as the sources of the last build for the demo: where nothing is newer, three builds of nothing are spared.
DEMO_STAMP := $(RELEASE_DIR)/demo-built

.PHONY: help setup build release test conformance tidy bench bench-gate bench-discovery micro lua-bounds demo demo-edge lint format clean

help: ## Say what can be made
	@if [ -t 1 ]; then bold=$$'\e[1m'; cyan=$$'\e[36m'; off=$$'\e[0m'; else bold=; cyan=; off=; fi; \
	printf '%sHeddle%s, a service mesh in Swift whose filters are Lua\n\n' "$$bold" "$$off"; \
	while IFS='|' read -r name what; do printf '  %smake %-15s%s %s\n' "$$cyan" "$$name" "$$off" "$$what"; done \
	  < <(sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST)); \
	printf '\nFirst time: make test. More in README.md and CONTRIBUTING.md.\n'

setup: ## Install what building and testing need (Debian packages, Python peers in .venv)
	@.ci/setup

build: setup ## Build everything, debug
	$(SWIFT) build $(SWIFT_FLAGS) --build-tests

release: setup ## Build heddle-proxy optimised, Swift library linked in, into .build-release
	$(SWIFT) build $(SWIFT_FLAGS) -c release --scratch-path $(RELEASE_DIR) --static-swift-stdlib --product heddle-proxy
	@if ldd $(PROXY) | grep -i 'libswift\|libFoundation'; then echo 'heddle-proxy needs a shared Swift library' >&2; exit 1; fi
	@printf '%s: %s\n' '$(PROXY)' "$$(du -h $(PROXY) | cut -f1)"

test: build ## Set up, build, and run all tests: fast ones, then integration
	@SWIFT='$(SWIFT)' SWIFT_FLAGS='$(SWIFT_FLAGS)' .ci/test

conformance: build ## Compare with a real Envoy: the same configuration and bytes to both
	PATH="$$PWD/.venv/bin:$$PATH" HEDDLE_ENVOY="$$PWD/.venv/bin/envoy" $(SWIFT) test $(SWIFT_FLAGS) --skip-build --no-parallel --filter '^ConformanceTests\.'

tidy: ## Run only the tidy tests (layers, sizes, banned calls, docs)
	$(SWIFT) test $(SWIFT_FLAGS) --filter '^TidyTests\.'

bench: release ## Compare with Envoy, HAProxy, nginx, Traefik and a bare C floor (BENCH_ARGS='--only h1')
	.venv/bin/python3 Benchmarks/SideBySide/bench.py --heddle $(PROXY) --venv .venv $(BENCH_ARGS)

bench-gate: release ## The same, and fail where Benchmarks/thresholds.json is missed
	.venv/bin/python3 Benchmarks/SideBySide/bench.py --heddle $(PROXY) --venv .venv --gate $(BENCH_ARGS)

bench-discovery: release ## What changes of the configuration cost, with the aims as a gate (BENCH_ARGS='--only load')
	.venv/bin/python3 Benchmarks/Discovery/bench.py --heddle $(PROXY) --venv .venv --gate $(BENCH_ARGS)

micro: ## Count instructions of the hot parts under callgrind, and fail where they grew
	$(SWIFT) build $(SWIFT_FLAGS) -c release --scratch-path $(RELEASE_DIR) --static-swift-stdlib --product heddle-micro
	python3 Benchmarks/Micro/instructions.py --program $(RELEASE_DIR)/release/heddle-micro

lua-bounds: ## Measure what bounds of scripts come to (kills, time slices, memory), and fail where one does not hold
	$(SWIFT) build $(SWIFT_FLAGS) -c release --scratch-path $(RELEASE_DIR) --static-swift-stdlib --product heddle-micro
	$(RELEASE_DIR)/release/heddle-micro lua-bounds Benchmarks/Lua/bombs.lua

# What the demo alone needs; a comparison needs Envoy, which the whole setup brings.
demo: ## Run the sample shop, a proxy beside each of its services (DEMO_ARGS='--for 30s')
	@.ci/setup $(if $(findstring --compare,$(DEMO_ARGS))$(findstring envoy,$(DEMO_ARGS)),,demo)
	@changed=$$(find -L Sources samples/hipstershop/Sources samples/hipstershop/CHiredis Package.swift Package.resolved \
	  "$$(command -v $(SWIFT))" -newer $(DEMO_STAMP) -print -quit 2>&1 || true); \
	for product in $(DEMO_PRODUCTS); do [ -x $(RELEASE_DIR)/release/$$product ] || changed=$$product; done; \
	if [ -n "$$changed" ]; then \
	  printf 'building in release mode; the first time takes about fifteen minutes on two cores\n'; \
	  mkdir -p $(RELEASE_DIR); touch $(DEMO_STAMP).begun; \
	  for product in $(DEMO_PRODUCTS); do \
	    $(SWIFT) build $(SWIFT_FLAGS) -c release --scratch-path $(RELEASE_DIR) --static-swift-stdlib --product $$product || exit 1; \
	  done; \
	  mv $(DEMO_STAMP).begun $(DEMO_STAMP); \
	fi
	@exec $(RELEASE_DIR)/release/heddle demo $(DEMO_ARGS)

demo-edge: release ## Show heddle-proxy at work as an edge proxy before two small services
	@samples/edge/demo $(PROXY)

lint: ## Check the formatting of our sources
	@$(SWIFT) format lint --strict --parallel $(SOURCES) && echo 'lint: clean'

format: ## Format our sources
	@$(SWIFT) format --in-place --parallel $(SOURCES)

clean: ## Remove what was built (not .venv)
	rm -rf .build $(RELEASE_DIR) out
