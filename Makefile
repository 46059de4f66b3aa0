# Every target sets itself up in .venv; a machine needs Python 3.11 to 3.13 and make.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Without compiled modules every start of Python compiles some 4,000 files anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help run test lint bench ui locks clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1\t/' | expand -t 14

run: $(VENV)/.run  ## read raw/, price it, publish the reports
	@$(BIN)/tokencost run

test: $(VENV)/.dev  ## the whole test suite (needs a Chromium: scripts/install-chromium)
	@test -n "$$CHROMIUM_PATH$$(command -v chromium || command -v chromium-browser)" || { \
		echo "the tests of the site need a Chromium: run scripts/install-chromium, or set CHROMIUM_PATH" >&2; exit 2; }
	@$(BIN)/python -m pytest

lint: $(VENV)/.dev  ## ruff, types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/.dev  ## measure what the work costs (BENCH_EVENTS=… BENCH_ONLY=…)
	@$(BIN)/python -W ignore -m bench

ui: $(VENV)/.run  ## the Dagster UI with its daemon on 127.0.0.1:3000
	@$(BIN)/tokencost ui

locks: $(VENV)/.dev  ## renew the pinned, hashed requirements
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command 'make locks' pyproject.toml requirements-build.in -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command 'make locks' --extra dev pyproject.toml requirements-build.in -o requirements-dev.lock

clean:  ## forget the environment (not your data)
	@rm -rf $(VENV)

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python requirements.lock pyproject.toml
	@test -e $@ || echo "setting up $(VENV) (once, a minute or two) ..."
	@$(PIP) install --no-deps --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python requirements-dev.lock pyproject.toml
	@test -e $@ || echo "setting up $(VENV) with the test tools (once, a minute or two) ..."
	@$(PIP) install --no-deps --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run
