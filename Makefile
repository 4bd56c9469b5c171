# `make help` lists everything. Nothing here needs root or Docker. All of it works inside .venv, made on first use.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.tidings-ready
LOCK := PATH="$(CURDIR)/$(BIN):$$PATH" uv pip compile --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate --no-header --quiet
# Where this is set, no process keeps what it compiled: each of the hundred that the tests start would compile every library anew, for
# seconds of a core.
export PYTHONDONTWRITEBYTECODE :=
# Browser tests, chaos tests and those of paces wait more than they compute, so three processes are what two cores can do.
JOBS ?= 3

.PHONY: help setup lock test check lint format docs demo demo-channels chaos bench clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with everything in it, from the hash-checked lock (a second run is instant)

$(STAMP): requirements-dev.lock pyproject.toml tools/setup.sh
	@tools/setup.sh $(VENV)
	@touch $@

lock: $(STAMP) ## Work out the three requirements*.lock anew from pyproject.toml (UPGRADE=--upgrade for newer versions)
	$(LOCK) $(UPGRADE) --all-extras pyproject.toml -o requirements.lock
	$(LOCK) $(UPGRADE) --all-extras --group dev --group bench --group build pyproject.toml -o requirements-dev.lock
	$(LOCK) $(UPGRADE) --group build -o requirements-build.lock

test: $(STAMP) ## Run the whole test suite, the browser's and the small chaos runs included
	@CHROMIUM="$$(tools/find_chromium.sh $(BIN))" && export CHROMIUM && $(BIN)/pytest -n $(JOBS) --dist loadgroup $(PYTEST)

lint: $(STAMP) ## Formatting, lint, strict types, import contracts
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

check: lint test ## What has to pass before a change is merged

format: $(STAMP) ## Format and mend what can be mended by itself
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

docs: $(STAMP) ## Write the parts of docs/ that are made from the code: settings, commands
	@$(BIN)/python -m tools.reference

demo: $(STAMP) ## The main job on real input: import a spreadsheet, send a campaign, print its ledger, keep the dashboard up
	@$(BIN)/tidings demo

demo-channels: $(STAMP) ## The same for one campaign by WhatsApp and one by Telegram, SMS behind both, against simulators
	@$(BIN)/tidings demo --channels

chaos: $(STAMP) ## The tests that kill processes, at full size (tens of minutes)
	@TIDINGS_CHAOS=large $(BIN)/pytest -m chaos --timeout 3600 $(PYTEST)

bench: $(STAMP) ## Every benchmark; figures go to bench/out
	@$(BIN)/python -m bench all

clean: ## Remove .venv and what tools left behind (no data of an installation)
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
