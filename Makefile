# Needs Python 3.11 or newer and nothing else. Everything installs into .venv from hash-locked lists.
#
#   make demo    a synthetic league, one comparison, its receipt and proof    (ONCE=1 stops after printing)
#   make test    the whole suite, on SQLite and on a PostgreSQL of its own
#   make check   lint, types, layers, and the suite with coverage
#   make bench   the figures of docs/benchmarks.md on this machine
#   make prove   the promises with many more examples, kills and breaking on purpose: docs/proofs.md
#   make lock    writes requirements/*.txt anew from pyproject.toml    (UPGRADE=1 takes newer versions)

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin
CLIENT := $(wildcard adapters/client/pyproject.toml)
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# What the suite must cover, in per cent of lines and branches: of all that the product does, and of values, rules and ledger.
COVER_ALL   ?= 90
COVER_RULES ?= 97

# Counting lines makes a test slower by half, so it is done where tests look at single rooms; the others tell whole stories.
ROOMS   := tests/audit tests/contracts tests/gateway tests/policies
STORIES := tests/adapters tests/invariants tests/journeys tests/ops tests/test_docs.py tests/test_house.py

# A file of tests stays in one process, because its tests share what they set up. Files are taken in the order of
# tests/conftest.py, slow ones first; by itself xdist would begin with those of many tests, and end with slow ones.
PARALLEL ?= --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

export PYTHONUTF8 := 1

.PHONY: demo test check rooms stories lint cover bench prove lock clean
.DEFAULT_GOAL := check

demo: $(VENV)/run.stamp
	$(BIN)/bidui demo $(if $(ONCE),--once)

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

check: lint
	$(MAKE) test PYTEST_ARGS="--cov --cov-report= $(ROOMS)"
	$(MAKE) test PYTEST_ARGS="$(STORIES)"
	$(MAKE) cover

rooms stories: # for .ci/run
	@echo $(if $(filter rooms,$@),$(ROOMS),$(STORIES))

lint: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy
	cd adapters/client && $(abspath $(BIN))/mypy --strict --config-file= --no-namespace-packages bidui_client
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/pyright --warnings

cover: $(VENV)/dev.stamp
	$(BIN)/coverage report --fail-under=$(COVER_ALL)
	$(BIN)/coverage report --include='gateway/domain/*,policies/*,audit/*' --fail-under=$(COVER_RULES)

bench: $(VENV)/dev.stamp
	$(BIN)/bidui bench

prove: $(VENV)/dev.stamp
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest tests/invariants tests/contracts tests/policies tests/audit tests/gateway
	$(BIN)/python -m ops.prove

# The lists carry hashes and no address: where packages come from is the machine's business.
PIP_COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(VENV)/lock/bin/pip-compile $(if $(UPGRADE),--upgrade) --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options --extra build

lock: $(VENV)/lock/bin/pip-compile
	$(PIP_COMPILE) --output-file requirements/run.txt pyproject.toml
	$(PIP_COMPILE) --extra test --constraint requirements/run.txt --output-file requirements/dev.txt pyproject.toml
	@if grep -nE '://|^-|(^|[[:space:]("])/' requirements/*.txt; then echo "the lines above carry an address or a path: drop them" >&2; exit 1; fi

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage

# Stamps make a second run quick: a list is installed again only when it changed.
$(VENV)/bin/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Bidui needs Python 3.11 or newer; '$(PYTHON)' is not. Say which: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

$(VENV)/run.stamp: requirements/run.txt pyproject.toml $(CLIENT) | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements/run.txt
	$(PIP) --no-deps --no-build-isolation -e . $(if $(CLIENT),-e adapters/client)
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/run.stamp
	$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

# The locker has a place of its own, so that it works also when a list is broken.
$(VENV)/lock/bin/pip-compile: | $(VENV)/bin/python
	"$(PYTHON)" -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check pip-tools
