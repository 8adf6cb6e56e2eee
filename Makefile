# Every verb does its own set-up: a fresh clone needs Python 3.11 to 3.13 and nothing else.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?=
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
READY := .stamps/ready
PEERS := .stamps/peers/ready
COMPILED := $(CURDIR)/.stamps/compiled/site
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
SCRIPTS := scripts/check-compose scripts/check-lock scripts/intent-cases scripts/with-kafka \
	scripts/write-docs
UV := .stamps/uv/bin/uv
# Extras stay in the lock (`redis[hiredis]==…`): an older pip takes a pin without them for no pin.
COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	--no-strip-extras --python-version 3.11

export PYTHON

.PHONY: help demo test compiled check bench soak docs lock clean

help: ## Show the verbs
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 16

demo: $(READY) ## Run everything with sample traffic (ARGS=--exit ends by itself, KAFKA=1 on Kafka)
ifdef KAFKA
	scripts/setup-test-services
	PYTHONPATH=. $(BIN)/python scripts/with-kafka $(BIN)/switchboard demo --log kafka://{kafka} $(ARGS)
else
	$(BIN)/switchboard demo $(ARGS)
endif

test: $(READY) ## Pass the tests
	scripts/setup-test-services
	$(BIN)/pytest -m "not soak and not compiled" -n 2 --dist loadgroup $(ARGS)

compiled: $(READY) ## Compile the core, and pass its tests with it
	scripts/compile-core
	scripts/setup-test-services
	PYTHONPATH=$(COMPILED) PYTHONSAFEPATH=1 $(BIN)/pytest -o pythonpath=$(COMPILED) \
		-m "not soak and not interpreted" -n 2 --dist loadgroup \
		tests/compiled tests/unit tests/simulation tests/model tests/property tests/conformance \
		tests/integration/test_kafka_workers.py tests/integration/test_kills.py \
		tests/integration/test_bad_input.py $(ARGS)

check: $(READY) ## Lint, types, import contracts, compose file, locks, hygiene
	$(BIN)/ruff check . $(SCRIPTS)
	$(BIN)/ruff format --check . $(SCRIPTS)
	$(BIN)/mypy
	$(BIN)/mypy --scripts-are-modules $(SCRIPTS)
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/check-compose docker-compose.yml
	$(BIN)/python scripts/check-lock
	scripts/check-hygiene

bench: $(READY) $(PEERS) ## Measure, as ratios to a baseline in the same run
	scripts/compile-core || echo "bench: without the compiled core" >&2
	scripts/setup-test-services
	$(BIN)/python -m bench $(ARGS)

soak: $(READY) ## The long fault runs and all simulation seeds
	scripts/setup-test-services
	$(BIN)/pytest -m soak -n 2 --dist loadgroup $(ARGS)

docs: $(READY) ## Write what is generated from the code
	$(BIN)/python scripts/write-docs

lock: ## Work both lock files out anew (ARGS=--upgrade for newer versions)
	@echo "locking with uv, in a virtual environment of its own (.stamps/uv)"
	python=$$(scripts/find-python) && "$$python" -m venv .stamps/uv
	.stamps/uv/bin/pip install --quiet --disable-pip-version-check uv
	$(COMPILE) --extra dev $(ARGS) --output-file requirements.lock pyproject.toml
	$(COMPILE) --constraint requirements.lock $(ARGS) \
		--output-file requirements-run.lock pyproject.toml
	$(COMPILE) $(ARGS) --output-file bench/peers.lock bench/peers.in

clean: ## Remove what the other verbs have made
	rm -rf $(VENV) .stamps .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache .coverage build dist

$(PEERS): bench/peers.lock
	@echo "setting up .stamps/peers: what is measured beside us, by hash from bench/peers.lock"
	@python=$$(scripts/find-python) && "$$python" -m venv .stamps/peers
	@.stamps/peers/bin/pip install --quiet --disable-pip-version-check --require-hashes \
		-r bench/peers.lock
	@touch $@

$(READY): pyproject.toml requirements.lock
	@echo "setting up $(VENV): packages by hash from requirements.lock"
	@python=$$(scripts/find-python) && "$$python" -m venv $(VENV)
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@mkdir -p $(@D) && touch $@
