# Corelane's commands for people.  `make help` lists them.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] <= (3,13))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.built
# Tests that spin, measure, or look at or set the host want it to themselves.
ALONE := $(addprefix tests/,bench jitter spin time tuning)
# Deployments whose lane blocks own no core: so many files of them run at a time (0: one by one).
LIVE := $(addprefix tests/,run sentinel supervise feeds show journal)
LIVE_AT_ONCE ?= 0
TESTS := $(sort $(patsubst %/,%,$(dir $(wildcard tests/*/test_*.py))))
SOURCES := $(shell find hotpath venues strategies runtime tuning ops -name '*.pyx' -o -name '*.pxd' -o -name '*.h' -o -name '*.hpp' -o -name '*.c' -o -name '*.cpp' -o -name '_*_build.py' 2>/dev/null)

.PHONY: run build test test-qemu lint bench bench-check bench-peers recordings fuzz drill sentinel soak orders \
	positions stories faults mutants sim canary check help
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/.ready: pyproject.toml ops/prepare.py
	@test -n "$(PYTHON)" || { echo "prepare: no CPython 3.11 to 3.13 on PATH; install one (apt-get install python3)"; exit 2; }
	@"$(PYTHON)" ops/prepare.py --venv $(VENV) --python "$(PYTHON)"
	@touch $@

$(STAMP): $(VENV)/.ready setup.py $(SOURCES)
	@$(PY) ops/build.py
	@touch $@

build: $(STAMP) ## prepare the machine, make .venv, compile

run: build ## start the appliance: embedded venue, demo strategy, live status
	@$(VENV)/bin/corelane run $(ARGS)

test: build ## everything that a change must pass: sanitized native tests, then all tests
	@$(PY) ops/prepare.py --tests
	@$(PY) ops/sanitize.py
ifdef ARGS
	@$(PY) -m pytest $(ARGS)
else
	@$(PY) -m pytest -n logical --maxprocesses 8 --dist loadfile $(filter-out $(ALONE) $(LIVE),$(TESTS))
	@$(PY) -m pytest -n $(LIVE_AT_ONCE) --dist loadfile $(LIVE)
	@$(PY) -m pytest $(ALONE)
endif

test-qemu: build ## boot a Debian kernel with isolation parameters in QEMU (fetches 86 MB once)
	@$(PY) -m pytest tests/tuning/qemu_boot.py $(ARGS)

lint: build ## ruff and mypy
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy

bench: build ## speed, with anchors (needs two quiet cores)
	@$(PY) -m pip install -q --disable-pip-version-check "orjson>=3.11,<4" "order_book>=0.6,<1" "sortedcontainers>=2.4,<3"
	@$(VENV)/bin/corelane bench all

bench-peers: build ## replay beside hftbacktest and nautilus_trader (in .venv-peers)
	@$(PY) -m benchmarks.peers $(ARGS)

bench-check: build ## instructions a message of every kind against what is recorded (valgrind)
	@$(PY) ops/prepare.py --tool valgrind
	@$(PY) -m benchmarks.counts $(ARGS)

recordings: build ## every recording: verify.py of the data, a plain reading and the replay are equal
	@$(PY) -m tests.replay.verified $(ARGS)

fuzz: build ## a million mutated frames per message kind, both readers, sanitizers on
	@CORELANE_FUZZ=$${CORELANE_FUZZ:-1000000} $(PY) -m pytest -s tests/fuzz $(ARGS)

drill: build ## kill the lane N times under load, judged by the venue's record (N=200)
	@$(VENV)/bin/corelane drill --kills $${N:-200} $(ARGS)

soak: build ## run for N minutes under random kills of everything but the supervisor (N=60)
	@$(PY) -m ops.soak --minutes $${N:-60} $(ARGS)

sentinel: build ## trip the sentinel N times (N=100), everything else running and stopped in turn
	@$(VENV)/bin/corelane sentinel drill --rounds $${N:-100} $(ARGS)

faults: build ## N (default 1000) kills, torn tails x 1000, cuts of power; each failing system call
	@CORELANE_FAULTS=$${N:-1000} $(PY) -m pytest -q tests/journal/test_archive_faults.py $(ARGS)

orders: build ## N (default 10000000) random lives of orders against a plain venue, sanitizers on
	@CORELANE_ORDERS=$${N:-10000000} CORELANE_ORDERS_SEEDS=8 $(PY) -m pytest -q -s tests/orders $(ARGS)

positions: build ## N (default 100000) sequences of partial closes against exact fractions and the venue
	@CORELANE_POSITIONS=$${N:-100000} $(PY) -m pytest -q tests/steps/test_positions.py -k partial_closes $(ARGS)

stories: build ## N (default 1000) long stories of a lane, each run again from its journal
	@CORELANE_STORIES=$${N:-1000} $(PY) -m pytest -q tests/journal/test_rerun.py -k long_stories $(ARGS)

sim: build ## live through SEEDS (default 1000) seeds of a simulated host, network and venue
	@$(PY) -m tests.simulation --seeds $${SEEDS:-1000} $(ARGS)

canary: build ## plant each bug of tests/simulation/bugs.toml: 95 % must be found in SEEDS (default 10000)
	@$(PY) -m tests.simulation.canary --seeds $${SEEDS:-10000} $(ARGS)

mutants: build ## flip each comparison of the gate, one by one: a test must fail for each
	@$(PY) -m tests.steps.mutants $(ARGS)

check: lint test ## lint, then test
