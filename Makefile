# Everything starts here. `make help` lists the targets; each installs what it needs first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FLOODMARK := $(BIN)/floodmark

# Options of the scenario-, ui- and up- targets.
BACKEND ?=
WORKLOAD ?=
RESULTS ?=
ARGS ?=
TARGET_OPTIONS = $(if $(BACKEND),--backend $(BACKEND)) $(if $(WORKLOAD),--workload $(WORKLOAD))
OPTIONS = $(TARGET_OPTIONS) $(if $(RESULTS),--results $(RESULTS)) $(ARGS)

SCENARIOS := $(filter-out nightly,$(sort $(basename $(notdir $(wildcard scenarios/*.toml)))))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install dev report vendor concurrency hostile doctor down test test-unit test-simulated test-load test-beside test-alone test-integration test-long test-e2e benchmark-generator benchmark-probe benchmark-sampling bottlenecks benchmarks strategies known-answers nightly compare nights-simulation lint format lock docs

help: ## this list
	@echo "floodmark: where does a Flask deployment saturate, and what stops it?"
	@echo
	@awk -F ':.*## ' '/^[a-zA-Z0-9%_-]+:.*## / {printf "  %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  scenarios: $(SCENARIOS)"
	@echo "  variables: BACKEND=auto|process|compose WORKLOAD=hello|io|cpu|mixed|upload|stream RESULTS=DIR ARGS='--quick ...'"

scenario-%: $(VENV)/.installed ## find where a scenario saturates, e.g. make scenario-gthread
	$(FLOODMARK) run $* $(OPTIONS)

sweep-%: $(VENV)/.installed ## best setting of a scenario's server, e.g. make sweep-gthread ARGS='--workers 1,2,4 --cpus 1,2'
	$(FLOODMARK) sweep $* $(OPTIONS)

ui-%: $(VENV)/.installed ## Locust's web UI on a scenario, at http://127.0.0.1:8089
	$(FLOODMARK) ui $* $(TARGET_OPTIONS) $(ARGS)

report: $(VENV)/.installed ## stored runs as one HTML file, report.html; RESULTS=DIR takes another folder than results/
	$(FLOODMARK) report $(RESULTS) $(ARGS)

up-%: $(VENV)/.installed ## bring a scenario's target up by hand
	$(FLOODMARK) up $* $(OPTIONS)

down: $(VENV)/.installed ## stop what up- started
	$(FLOODMARK) down $(if $(RESULTS),--results $(RESULTS))

concurrency: $(VENV)/.installed ## nominal slots against requests truly inside the app, for every server here
	$(FLOODMARK) concurrency $(if $(BACKEND),--backend $(BACKEND)) $(ARGS)

hostile: $(VENV)/.installed ## what slow and hostile clients do to others, for every server here: about 4 minutes
	$(FLOODMARK) hostile $(if $(BACKEND),--backend $(BACKEND)) $(if $(RESULTS),--results $(RESULTS)) $(ARGS)

doctor: $(VENV)/.installed ## what this host lacks, and how to fix it
	$(FLOODMARK) doctor

install: $(VENV)/.installed ## make .venv with floodmark and every server that installs here

test: $(VENV)/.dev ## all tests but the long ones: about 11 minutes on two CPUs
	@# What measures nothing shares the CPUs; what measures has them for itself, at the end. Searches that a restless
	@# host kept from a verdict are excused once in all of it, so they are counted together.
	@FLOODMARK_EXCUSES=$$(mktemp) && export FLOODMARK_EXCUSES && trap 'rm -f "$$FLOODMARK_EXCUSES"' EXIT && \
	$(MAKE) --no-print-directory -j2 -O test-unit test-simulated && \
	$(MAKE) --no-print-directory -j2 -O test-load test-beside && \
	$(MAKE) --no-print-directory test-alone

test-unit: $(VENV)/.dev ## seconds: no process, no socket
	$(BIN)/pytest tests/unit --numprocesses auto $(ARGS)

test-simulated: $(VENV)/.dev ## the search, the nights and the naming, hundreds of times in virtual time: half a minute
	$(BIN)/pytest tests/simulated $(ARGS)

test-load: $(VENV)/.dev ## what runs inside Locust, in a process that Locust has patched
	$(BIN)/pytest tests/load $(ARGS)

test-beside: $(VENV)/.dev ## real servers, Compose and pages, side by side: what measures nothing
	$(BIN)/pytest tests/integration tests/e2e -m "not alone and not long" --numprocesses 3 --dist loadgroup $(ARGS)

test-alone: $(VENV)/.dev ## real servers with known answers, one after another: what measures
	$(BIN)/pytest tests/integration tests/e2e -m "alone and not long" $(ARGS)

test-integration: $(VENV)/.dev ## real servers on loopback, with known answers; one after another
	$(BIN)/pytest tests/integration -m "not long" $(ARGS)

test-long: $(VENV)/.dev ## real servers, what takes a minute each; not part of `make test`
	$(BIN)/pytest tests/integration tests/e2e -m long $(ARGS)

test-e2e: $(VENV)/.dev ## Compose and pages; skipped where no Docker engine answers, or no Chromium is
	$(BIN)/pytest tests/e2e $(ARGS)

benchmark-sampling: $(VENV)/.dev ## what watching the target costs, and the ceiling with and without
	$(BIN)/python -m benchmarks.sampling $(ARGS)
	$(BIN)/python -m benchmarks.document

bottlenecks: $(VENV)/.dev ## a real server for each bottleneck, which must be named right: about 9 minutes
	$(BIN)/python -m benchmarks.bottlenecks $(ARGS)

benchmark-generator: $(VENV)/.dev ## CPU per request of both clients against Locust's own and wrk; needs nginx and wrk
	$(BIN)/python -m benchmarks.generator $(ARGS)

benchmark-probe: $(VENV)/.dev ## what the WSGI probe costs a server per request, into docs/clients.md: about 8 minutes
	$(BIN)/python -m benchmarks.probe $(ARGS)
	$(BIN)/python -m benchmarks.document

benchmarks: benchmark-generator ## every benchmark; about twenty minutes on a quiet machine
	$(BIN)/python -m benchmarks.recorder
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.latency
	$(BIN)/python -m benchmarks.report
	$(BIN)/python -m benchmarks.document

strategies: $(VENV)/.dev ## our search beside others on simulated servers, into docs/method.md: about 10 minutes
	$(BIN)/python -m benchmarks.strategies --jobs 2 $(ARGS)
	$(BIN)/python -m benchmarks.strategies --document
	$(BIN)/python -m benchmarks.strategies.goals --jobs 2
	$(BIN)/python -m benchmarks.strategies.goals --document

known-answers: $(VENV)/.dev ## measure servers whose answer is a formula: about 40 minutes, longer on a restless host; ARGS='--only K1,K4'
	$(BIN)/python -m benchmarks.known_answers $(ARGS)
	$(BIN)/python -m benchmarks.known_answers --document

nightly: $(VENV)/.installed ## measure every server tonight and say what changed: about half an hour; ARGS=--plan shows the plan
	$(FLOODMARK) nightly $(if $(BACKEND),--backend $(BACKEND)) $(if $(RESULTS),--results $(RESULTS)) $(ARGS)

compare: $(VENV)/.installed ## two runs, folders of runs or nights: make compare A=DIR B=DIR
	$(FLOODMARK) compare $(A) $(B) $(ARGS)

nights-simulation: $(VENV)/.dev ## false alarms and power of the nightly comparison, simulated, into docs/nightly.md: 2 minutes
	$(BIN)/python -m benchmarks.nights --jobs 2 $(ARGS)
	$(BIN)/python -m benchmarks.nights --document

lint: $(VENV)/.dev ## ruff, mypy --strict, import-linter, README as generated
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/build.py --check
	$(BIN)/python docs/gallery.py --check
	$(BIN)/python docs/vendor.py --check
	$(BIN)/python -m benchmarks.strategies --check
	$(BIN)/python -m benchmarks.strategies.goals --check
	$(BIN)/python -m benchmarks.known_answers --check
	$(BIN)/python -m benchmarks.nights --check
	$(BIN)/python -m benchmarks.document --check

format: $(VENV)/.dev ## let ruff format and fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev ## README's verdict table and the gallery from docs/runs; ARGS='--add RUN_DIR' takes runs in
	$(BIN)/python docs/build.py $(ARGS)
	$(BIN)/python docs/gallery.py

vendor: $(VENV)/.dev ## renew the charting library of reports from its npm packages; needs Node.js
	$(BIN)/python docs/vendor.py

dev: $(VENV)/.dev ## .venv with what tests and lint need

lock: $(VENV)/.dev ## renew the lock files, with hashes and without addresses
	$(BIN)/python -m pip install --quiet uv
	cd target_apps && ../$(BIN)/uv pip compile $(LOCK) requirements.in -o requirements.lock
	cd target_apps && echo uwsgi | ../$(BIN)/uv pip compile $(LOCK) - -o uwsgi.lock
	cd target_apps && echo mod_wsgi | ../$(BIN)/uv pip compile $(LOCK) - -o mod_wsgi.lock
	cd target_apps && echo pyuwsgi | ../$(BIN)/uv pip compile $(LOCK) - -o pyuwsgi.lock
	$(BIN)/uv pip compile $(LOCK) pyproject.toml --extra servers -c target_apps/requirements.lock -o requirements.lock
	$(BIN)/uv pip compile $(LOCK) pyproject.toml --extra servers --group dev -c requirements.lock -o requirements-dev.lock

LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "floodmark needs Python 3.11 or newer; choose one with make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

PIP = $(BIN)/python -m pip install --disable-pip-version-check --quiet

$(VENV)/.installed: requirements.lock target_apps/uwsgi.lock target_apps/pyuwsgi.lock target_apps/mod_wsgi.lock pyproject.toml | $(BIN)/python
	@echo "installing floodmark into $(VENV) (about a minute, once)"
	$(PIP) --require-hashes -r requirements.lock
	@# uWSGI comes as source only; its wheel build is a version behind. Without either, the others still work.
	@if command -v cc >/dev/null && $(PIP) --require-hashes -r target_apps/uwsgi.lock >$(VENV)/uwsgi.log 2>&1; then :; \
		elif $(PIP) --require-hashes -r target_apps/pyuwsgi.lock >>$(VENV)/uwsgi.log 2>&1; then :; \
		else echo "uwsgi is unavailable here (see $(VENV)/uwsgi.log); the other servers work" >&2; fi
	@# mod_wsgi is built against Apache, where its headers are.
	@if command -v cc >/dev/null && { command -v apxs || command -v apxs2; } >/dev/null; then \
		$(PIP) --require-hashes -r target_apps/mod_wsgi.lock >$(VENV)/mod_wsgi.log 2>&1 || \
		echo "mod-wsgi is unavailable here (see $(VENV)/mod_wsgi.log); the other servers work" >&2; fi
	$(PIP) --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.installed
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
