# make demo   what opskit does, on this machine and on recorded incidents
# make test   lint, types, layers, tests; installs what it needs (system packages only as root)
# make bench  our speed beside that of the tools people use today
# make record the incidents in sample_logs/, anew from real processes
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What the tests run for real. As root they are installed, otherwise the missing ones are named.
PACKAGES := nginx:nginx-light gcc:gcc libc.h:libc6-dev

.PHONY: demo test lint bench record locale venv dev packages clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \(make .*\)/\1/p' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "opskit needs Python 3.11 or newer; set PYTHON=python3.x"; exit 1; }
	@if ! $(PYTHON) -m venv $(VENV); then \
	    rm -rf $(VENV); \
	    if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV); \
	    else echo "the venv module is missing: apt-get install python3-venv"; exit 1; fi; fi

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.installed

venv: $(VENV)/.installed
dev: $(VENV)/.installed-dev

packages:
	@tests/packages.sh $(PACKAGES)

demo: venv
	@$(BIN)/opskit demo

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/opskit lint

test: packages dev lint
	$(BIN)/pytest -q -n 2 --dist loadfile

bench: packages dev
	@for script in bench/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

record: packages dev
	$(BIN)/python -m tests.stand_ins.record sample_logs

locale: dev
	$(BIN)/pybabel -q extract -k say -F tests/locale/babel.cfg -o opskit/locale/opskit.pot -w 100 --no-location --omit-header opskit
	$(BIN)/pybabel -q update -i opskit/locale/opskit.pot -d opskit/locale -D opskit -l zh -w 100 --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel -q compile -d opskit/locale -D opskit

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache
