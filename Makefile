# The words of this project. `make` lists them; CI runs the same ones.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
ROOMS := db tasks flows webapp tests
# Most tests wait for something, so four processes on two cores; tests/sharing.py says who gets what.
SHARED := -n 4 --dist loadscope --no-loadscope-reorder --durations=30

.DEFAULT_GOAL := help
# The steps of a target come one after the other: a virtual environment may need the packages of `system` first.
.NOTPARALLEL:
.PHONY: help up demo test test-all test-vm durations lint format bench screenshots clean
.PHONY: system system-tests system-bench system-vm

help: ## list the targets
	@echo 'make TARGET, where TARGET is one of'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name what; do printf '%-11s %s\n' "$$name" "$$what"; done

up: system .venv/.stamp ## run Backstay: Prefect, the engine and the web interface, until Ctrl-C
	@$(BIN)/backstay up

demo: system .venv/.stamp ## the same with a workload deployed for real; ARGS=--exit checks it and ends
	@$(BIN)/python -m flows.demo $(ARGS)

test: system-tests .venv/.stamp lint ## run every test, on a real Docker Engine and in a real browser; ARGS goes to pytest
	@$(BIN)/python -m pytest $(SHARED) $(ARGS)

test-all: system-tests .venv/.stamp lint ## walk through everything: all crash points, all samples, test-vm; takes hours
	@BACKSTAY_FAULTS=all $(BIN)/python -m pytest $(SHARED) $(ARGS)
	@$(MAKE) --no-print-directory test-vm

durations: system-tests .venv/.stamp ## measure how long each test file takes, into tests/durations.json
	@$(BIN)/python -m pytest $(SHARED) --store-durations $(ARGS)

test-vm: system-vm ## try the README's first command on a Debian that has nothing, in an emulated machine; 20 minutes and more
	@tests/vm/boot tests/vm/first-command

lint: .venv/.stamp ## ruff, mypy and the import contracts
	@$(BIN)/ruff check $(ROOMS)
	@$(BIN)/ruff format --check $(ROOMS)
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: .venv/.stamp ## put the code into shape
	@$(BIN)/ruff check --fix-only --quiet $(ROOMS)
	@$(BIN)/ruff format $(ROOMS)

bench: system-bench .venv/.stamp ## measure, beside a baseline of the same run; prints ratios; ARGS names the parts
	@$(BIN)/python -m tests.bench $(ARGS)

screenshots: system-tests .venv/.stamp ## make the pictures in docs/images, of a Backstay that really runs over a written past
	@$(BIN)/python -m tests.screenshots

clean: ## remove the virtual environment and the caches; HOME stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .test-cache .import_linter_cache .hypothesis build *.egg-info

system:
	@.ci/ensure-system

system-tests:
	@.ci/ensure-system --tests

system-bench:
	@.ci/ensure-system --bench

system-vm:
	@.ci/ensure-system --vm

# Made anew only when the lock file or the project file has changed. The lock names every package, so nothing is resolved;
# `pip check` says if it should be incomplete.
.venv/.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("backstay: Python 3.11 or newer is needed; set PYTHON=" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || { echo '  making .venv (once, about a minute)' >&2; $(PYTHON) -m venv .venv; }
	@$(PIP) install --no-deps --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip check >/dev/null || { $(BIN)/python -m pip check; exit 1; }
	@touch $@
