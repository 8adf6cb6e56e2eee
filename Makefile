# Every verb does its own set-up: a fresh clone needs Python 3.11 to 3.13 and nothing else.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell scripts/find-python)
VENV := .venv
BIN := $(VENV)/bin
READY := .stamps/ready
ARGS ?=

.PHONY: help demo test check bench soak docs lock clean

help: ## Show the verbs
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

demo: $(READY) ## Run everything with sample traffic (ARGS=--exit ends by itself)
	$(BIN)/switchboard demo $(ARGS)

test: $(READY) ## Pass the tests
	scripts/setup-test-services
	$(BIN)/pytest -m "not soak" -n 2 --dist loadgroup $(ARGS)

check: $(READY) ## Lint, types, import contracts, compose file, lock, hygiene
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check-compose docker-compose.yml
	$(BIN)/python scripts/check-lock pyproject.toml requirements.lock
	scripts/check-hygiene

bench: $(READY) ## Measure, as ratios to a baseline in the same run
	$(BIN)/python -m bench $(ARGS)

soak: $(READY) ## The long fault runs and all simulation seeds
	scripts/setup-test-services
	$(BIN)/pytest -m soak -n 2 --dist loadgroup $(ARGS)

docs: $(READY) ## Write what is generated from the code
	$(BIN)/python scripts/write-docs

lock: ## Work requirements.lock out anew
	$(PYTHON) -m venv .stamps/uv && .stamps/uv/bin/pip install --quiet uv
	.stamps/uv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
		--no-header --python-version 3.11 --extra dev --extra kafka \
		--output-file requirements.lock pyproject.toml

clean: ## Remove what the other verbs have made
	rm -rf $(VENV) .stamps .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

$(READY): pyproject.toml requirements.lock
	@echo "setting up $(VENV) with $(PYTHON), packages by hash from requirements.lock"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@mkdir -p .stamps && touch $(READY)
