# GNU make 3.81 or later, on Linux and macOS. `make help` lists what there is.

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

BIN := .venv/bin
DEVICES ?= 1000
WORKERS ?= 2
TESTS ?= tests
MINUTES ?= 10
EACH ?= 20
PORT ?= 8080

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  Variables: DEVICES=$(DEVICES) (demo), PORT=$(PORT) (console), TESTS=$(TESTS) WORKERS=$(WORKERS) (test),'
	@echo '    MINUTES=$(MINUTES) (chaos), EACH=$(EACH) (fuzz)'

.PHONY: runtime
runtime: ## set up what running needs
	@config/setup.sh runtime

.PHONY: dev
dev: ## set up what developing and testing need
	@config/setup.sh dev

.PHONY: demo
demo: runtime ## enrol DEVICES devices end to end on this machine
	@$(BIN)/muster demo --devices $(DEVICES)

.PHONY: console
console: runtime ## start the Airflow console on 127.0.0.1:PORT
	@$(BIN)/muster console --port $(PORT)

.PHONY: test
test: dev ## run the tests in TESTS
	@echo 'Running the tests in $(TESTS)'
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(TESTS)

.PHONY: quick
quick: dev ## run the unit tests and house rules, the inner loop
	@$(BIN)/python -m pytest -n $(WORKERS) --dist load tests/unit

.PHONY: lint
lint: style types layers ## check style, types and architecture

.PHONY: style
style: dev ## check style and formatting only
	@echo 'Checking style'
	@$(BIN)/ruff check .
	@echo 'Checking formatting'
	@$(BIN)/ruff format --check .

.PHONY: types
types: dev ## check types only
	@echo 'Checking types'
	@$(BIN)/mypy
	@MYPYPATH=dags:plugins $(BIN)/mypy --explicit-package-bases $(wildcard dags/*.py plugins/*.py)

.PHONY: layers
layers: dev ## check architecture only
	@echo 'Checking architecture'
	@$(BIN)/lint-imports --no-logo

.PHONY: fmt
fmt: dev ## format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: bench
bench: dev ## run the benchmarks
	@$(BIN)/python -m bench

.PHONY: compose-check
compose-check: dev ## check docker-compose.yml against the Compose specification
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

LOCK := uv pip compile pyproject.toml --universal --generate-hashes --python-version 3.11 --no-header --quiet

.PHONY: lock
lock: ## resolve the dependencies again (needs uv) and write both lock files
	@PATH="$$PWD/$(BIN):$$PATH" $(LOCK) --group dev --group build --group audit --group fuzz -o requirements-dev.lock
	@PATH="$$PWD/$(BIN):$$PATH" $(LOCK) --group build -c requirements-dev.lock -o requirements.lock

.PHONY: check-lock
check-lock: dev ## check that the lock files hold what pyproject.toml asks for, with hashes and no addresses
	@$(BIN)/python -m pytest tests/unit/test_house_rules.py -k lock

.PHONY: chaos
chaos: dev ## kill jobs at moments drawn by chance for MINUTES
	@$(BIN)/python -m tests.support.chaos --minutes $(MINUTES)

.PHONY: audit
audit: dev ## check licences of what is shipped, write its SBOM, look known vulnerabilities up
	@$(BIN)/python config/audit.py

.PHONY: fuzz
fuzz: dev ## feed every parser for EACH seconds with inputs that reach new lines
	@$(BIN)/python -m tests.support.fuzz --seconds $(EACH)

.PHONY: clean
clean: ## remove caches and build leftovers
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .fuzz
	@find . -path ./.venv -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

# The demo's workspace has one provider, the simulator; whatever else lies there is somebody's installation.
.PHONY: clean-demo
clean-demo: ## remove the demo's workspace
	@if [ -e .muster/muster.toml ] && [ "$$(ls .muster/providers .muster/simulator)" != "$$(printf \
	  '.muster/providers:\nacme.toml\n\n.muster/simulator:\nacme')" ]; then \
	  echo '.muster is an installation of its own, not the demo: nothing was removed' >&2; exit 1; fi
	@rm -rf .muster
