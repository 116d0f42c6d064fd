# Each command works alone on a machine with Python >= 3.11 and make.
#   make bench ARGS='--quick --only a,b'   see benchmarks/ and python -m benchmarks --help
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DEVSTAMP := $(VENV)/.installed-dev
BENCHSTAMP := $(VENV)/.installed-bench

.PHONY: run test bench sample clean

run: $(STAMP)
	$(BIN)/geoklynge run data/syddjurs/study.toml --out maps/syddjurs

test: $(DEVSTAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	sh tests/install-chromium.sh
	$(BIN)/python -m pytest

bench: $(BENCHSTAMP)
	$(BIN)/python -m benchmarks $(ARGS)

# the tables in data/ from the fact tables they were made of; git shows nothing changed
sample: $(STAMP)
	$(BIN)/python data/build.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

$(DEVSTAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@ $(STAMP)

$(BENCHSTAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	touch $@ $(STAMP)

clean:
	rm -rf $(VENV) build dist
