# Two commands do everything: `make crash` and `make test`. Both set up what they need, once.

PYTHON ?= python3
VENV := .venv
LINT_VENV := .venv-lint
BENCH_VENV := .venv-bench

# ape-vyper and natrix find the compiler on PATH; the environment's own has to win.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

SOURCES := spillway scripts tools tests bench
CONTRACTS := $(shell find contracts -name '*.vy' -o -name '*.vyi')
CONTRACTS_CHECKED := .build/contracts-checked
# xdist's workers; 0 runs the tests in one process.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup crash test lint format bench lock clean

help:
	@echo "make crash   10 October 2025 on BTC, from nothing to the verdict"
	@echo "make test    every test"
	@echo "make lint    every check of style and types"
	@echo "make bench   tables of gas and speed"
	@echo "make format  put the code into the house style"
	@echo "make lock    resolve the dependencies again"
	@echo "make clean   remove everything that was made"

setup: $(VENV)/.stamp

crash: setup
	$(VENV)/bin/ape run crash oct10_btc --venue hyperliquid

test: setup
	$(VENV)/bin/python -m pytest -n $(WORKERS)

bench: setup $(BENCH_VENV)/.stamp
	$(VENV)/bin/python -m tests.gas
	$(VENV)/bin/python -m tests.gas_adl
	$(VENV)/bin/python -m bench

lint: setup $(CONTRACTS_CHECKED)
	$(VENV)/bin/ruff format --check $(SOURCES)
	$(VENV)/bin/ruff check $(SOURCES)
	$(VENV)/bin/mypy

# A minute of one core, so only when a contract or a tool has changed since it last passed.
$(CONTRACTS_CHECKED): $(CONTRACTS) $(wildcard tools/*.py) pyproject.toml $(VENV)/.stamp $(LINT_VENV)/.stamp
	$(LINT_VENV)/bin/python tools/format_contracts.py --check
	$(VENV)/bin/python tools/lint_contracts.py
	@mkdir -p $(@D) && touch $@

format: setup $(LINT_VENV)/.stamp
	$(VENV)/bin/ruff format $(SOURCES)
	$(VENV)/bin/ruff check --fix $(SOURCES)
	$(LINT_VENV)/bin/python tools/format_contracts.py

# Needs uv and npm, which only maintainers do: see CONTRIBUTING.md.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --quiet --upgrade requirements.in -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --quiet --upgrade requirements-lint.in -o requirements-lint.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --quiet --upgrade --no-deps --constraint requirements.lock \
		requirements-revm.in -o requirements-revm.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --quiet --upgrade --no-deps --constraint requirements.lock \
		requirements-foundry.in -o requirements-foundry.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --quiet --upgrade --constraint requirements.lock \
		requirements-bench.in -o requirements-bench.lock
	npm update --prefix tools/anvil --package-lock-only --omit-lockfile-registry-resolved \
		--no-audit --no-fund --silent

clean:
	rm -rf $(VENV) $(LINT_VENV) $(BENCH_VENV) .build .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache comparisons runs sweeps
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What engine `revm` and ape-foundry add is complete in files of their own, and contradicts by its
# pins: hence --no-deps. anvil, the node that ape-foundry is for, comes from npm. The .pth file lets
# processes that start elsewhere, such as Dask's workers, import this checkout.
$(VENV)/.stamp: requirements.lock requirements-revm.lock requirements-foundry.lock \
		tools/anvil/package-lock.json
	$(call install,$(VENV),requirements.lock)
	$(VENV)/bin/pip install --quiet --no-deps --require-hashes -r requirements-revm.lock \
		|| echo "engine revm is left out: its wheels are not for this machine"
	$(VENV)/bin/pip install --quiet --no-deps --require-hashes -r requirements-foundry.lock \
		|| echo "network ethereum:local:foundry is left out: ape-foundry can't be installed"
	cd $(VENV)/lib/python3.*/site-packages && echo "$(CURDIR)" > spillway.pth
	cp tools/anvil/package*.json $(VENV)
	npm install --prefix $(VENV) --ignore-scripts --no-audit --no-fund --silent \
		&& ls $(VENV)/node_modules/@foundry-rs/anvil-*/bin/anvil > /dev/null \
		|| echo "anvil is left out: npm is not there, or has no package for this machine"
	touch $@

$(LINT_VENV)/.stamp: requirements-lint.lock
	$(call install,$(LINT_VENV),requirements-lint.lock)
	touch $@

# The peers of `make bench`.
$(BENCH_VENV)/.stamp: requirements-bench.lock
	$(call install,$(BENCH_VENV),requirements-bench.lock)
	touch $@

# An environment made anew from a lock file, so that it never holds what the file no longer names.
define install
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
		|| { echo "spillway needs Python >= 3.11, < 3.13; $(PYTHON) is $$($(PYTHON) --version)"; exit 1; }
	rm -rf $(1)
	$(PYTHON) -m venv $(1)
	$(1)/bin/pip install --quiet --require-hashes -r $(2)
endef
