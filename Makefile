.DEFAULT_GOAL := help
SHELL := /bin/bash

# DuckDB 2.0 needs Python 3.11; the first python3 that is new enough makes .venv.
PYTHON ?= $(shell for candidate in python3 python3.13 python3.12 python3.11; do \
	$$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$candidate && break; done)
BIN := .venv/bin
# Versions known to work together; /dev/null for the newest that pyproject.toml allows.
CONSTRAINTS ?= constraints.txt

# An id is anything. It reaches the program as it was typed, through the environment: neither make
# nor the shell may take a part of it for a command.
override CONTACT := $(value CONTACT)
override CONVERSATION := $(value CONVERSATION)
export CONTACT CONVERSATION
export DBT_PROJECT_DIR := $(CURDIR)/dbt_project
export DBT_PROFILES_DIR := $(CURDIR)/profiles

.PHONY: help
help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-15s %s\n", $$1, $$2}'

.PHONY: install
install: .venv/installed ## Install the project and its tools into .venv

.venv/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "ERROR: Python 3.11 or newer is needed (DuckDB 2.0 needs it); set PYTHON=/path/to/python" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -c $(CONSTRAINTS) -e '.[dev]'
	@touch $@

.PHONY: demo
demo: install ## Load and transform an invented contact centre; no credentials needed (CONTRACT=guides)
	@$(BIN)/python -m tests.demo --contract $(or $(CONTRACT),platform)

.PHONY: load
load: install ## Load what is due from Genesys Cloud (settings: .env)
	@$(BIN)/python -m loader load $(ARGS)

.PHONY: transform
transform: install ## Build the marts and run their tests
	@$(BIN)/python -m loader transform build $(ARGS)

.PHONY: test-data
test-data: install ## Run the data tests on all rows; transform looks at what is new since they passed
	@$(BIN)/python -m loader transform test --all-rows --exclude-resource-type unit_test $(ARGS)

.PHONY: build
build: install ## load, then transform, also when a part of the load failed
	@$(BIN)/python -m loader build $(ARGS)

.PHONY: dbt
dbt: install ## Run plain dbt with the settings of .env: make dbt ARGS="build --target dev"
	@if [ -f .env ]; then $(BIN)/dotenv -f .env run --no-override -- $(BIN)/dbt $(ARGS); \
	else $(BIN)/dbt $(ARGS); fi

.PHONY: freshness
freshness: install ## Fail if a resource was not read for too long, and say since when
	@$(BIN)/python -m loader transform source freshness

.PHONY: publish
publish: install ## Write the marts as files of their own for BI tools (ARGS="--format duckdb parquet")
	@$(BIN)/python -m loader publish $(ARGS)

.PHONY: metrics
metrics: install ## List metrics, or compute some (ARGS="query --metrics service_level --group-by metric_time__day")
	@$(BIN)/python -m loader metrics $(or $(ARGS),list)

.PHONY: plan
plan: install ## Show what load would do, and how long it would take
	@$(BIN)/python -m loader plan $(ARGS)

.PHONY: status
status: install ## Show how far each resource is loaded
	@$(BIN)/python -m loader status

.PHONY: reconcile
reconcile: install ## Show where the details differ most from Genesys' aggregates
	@$(BIN)/python -m loader reconcile

.PHONY: doctor
doctor: install ## Look whether settings, state and tables agree, and say what to do (ARGS=--deep)
	@$(BIN)/python -m loader doctor $(ARGS)

.PHONY: export
export: install ## Write one contact's journey as JSON: make export CONTACT=<external id>
	@$(BIN)/python -m loader export -- "$$CONTACT"

.PHONY: report
report: install ## Write data/report.html, a page with charts (ARGS="--from 2026-03-01 --to 2026-03-31")
	@$(BIN)/python -m loader report $(ARGS)

.PHONY: journey
journey: install ## Write data/journey.html, one contact's journey: make journey CONTACT=<external id>
	@$(BIN)/python -m loader journey $(ARGS) -- "$$CONTACT"

.PHONY: explain
explain: install ## Show one conversation from raw to marts: make explain CONVERSATION=<id>
	@$(BIN)/python -m loader explain -- "$$CONVERSATION"

.PHONY: erase
erase: install ## Delete a person: make erase CONTACT=<id>, shown first; ARGS=--yes does it
	@$(BIN)/python -m loader erase --contact="$$CONTACT" $(ARGS)

# What Python has compiled is kept, also where the machine's owner keeps none: six processes would
# compile all tests again, for a second each (and pytest its assertions, for three).
test test-all: export PYTHONDONTWRITEBYTECODE :=

# On two cores; tests that share what is dear to make stay together.
PYTEST := $(BIN)/python -m pytest -q -n 2 --dist loadgroup
# Coverage is measured where the loader runs in the tests' own process, by slipcover, which costs
# nothing that can be measured; a tracer made these tests half as dear again. pytest only warns that it
# cannot rewrite slipcover's own assertions.
REACHED := $(BIN)/python -m slipcover --source loader --skip-covered $(patsubst $(BIN)/python,,$(PYTEST)) \
	-W "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
MEASURED := tests/unit/ tests/loader/ tests/guides/
OTHERS := $(filter-out $(MEASURED) tests/engines/,$(sort $(dir $(wildcard tests/*/test_*.py))))

.PHONY: test
test: install ## Lint and the quick tests; FILE=tests/… for one file with its slow ones
ifdef FILE
	$(BIN)/pytest -q $(FILE) $(ARGS)
else
	@$(MAKE) --no-print-directory lint
	$(PYTEST) -m "not slow" $(ARGS)
endif

.PHONY: test-all
test-all: install ## Lint and every test: DuckDB and a real Postgres; how much of loader/ they reach
	@$(MAKE) --no-print-directory lint-all
	$(REACHED) $(MEASURED) $(ARGS)
	$(PYTEST) $(OTHERS) $(ARGS)

.PHONY: test-engines
test-engines: install ## The engines beside DuckDB and Postgres; needs Java 17 for Spark (FILE=tests/engines/… for one)
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c $(CONSTRAINTS) -e '.[dev,engines]'
	$(PYTEST) $(or $(FILE),tests/engines/) $(ARGS)

# Of the models and tests, those that differ from main or are new. sqlfluff has dbt compile each.
CHANGED_SQL = { git diff --name-only --diff-filter=d "$$(git merge-base HEAD main 2>/dev/null || echo HEAD)"; \
	git ls-files --others --exclude-standard; } | grep -E '^dbt_project/(models|tests)/.*\.sql$$' | grep -v /generic/

.PHONY: lint
lint: lint-python lint-sql ## Check Python, and of the SQL what has changed; change nothing

.PHONY: lint-sql
lint-sql: install
	@changed=$$($(CHANGED_SQL)); test -z "$$changed" || { set -x; $(BIN)/python -m tests.lint_sql $$changed; }

# mypy is one process, and so is dbt where it reads the project: side by side.
.PHONY: lint-all
lint-all: install ## Check all Python and SQL
	@$(MAKE) --no-print-directory -j 2 --output-sync=target lint-python lint-sql-all

.PHONY: lint-sql-all
lint-sql-all: install
	$(BIN)/python -m tests.lint_sql

.PHONY: lint-python
lint-python: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: fix
fix: install ## Let the formatters repair what they can, of the SQL what has changed
	-$(BIN)/ruff check --fix .
	-$(BIN)/ruff format .
	-@changed=$$($(CHANGED_SQL)); test -z "$$changed" || { set -x; ELT_TARGET=duckdb ELT_DUCKDB_PATH=:memory: \
	DBT_TARGET_PATH=target/lint $(BIN)/sqlfluff fix --disable-progress-bar $$changed; }

.PHONY: docs
docs: install ## Write the models' documentation to dbt_project/target/static_index.html
	@$(BIN)/python -m loader transform docs generate --static

.PHONY: dictionary
dictionary: install ## Write the page that shows seeds/metric_dictionary.csv in the documentation
	@$(BIN)/python -m tests.dictionary

.PHONY: check-warehouse
check-warehouse: install ## Build a known contact centre in schemas of its own, compare every mart, drop them
	@$(BIN)/python -m loader check-warehouse $(ARGS)

.PHONY: check-world
check-world: install ## Write anew what check-warehouse expects; after a change of models (ARGS=--records reads all anew)
	@$(BIN)/python -m tests.check_world $(ARGS)

.PHONY: answers
answers: install ## Write what the queries of README and docs/QUESTIONS.md give below them; needs `make demo`
	@$(BIN)/python -m tests.answers

.PHONY: screenshots
screenshots: install ## Photograph the demo's report and a journey for docs/; needs chromium and `make demo`
	@$(BIN)/python -m tests.report.screenshots

.PHONY: erd
erd: install ## Draw how the marts hang together, into docs/MODELS.md
	@$(BIN)/python -m tests.erd

.PHONY: bench
bench: install ## Measure speed and memory as ratios within one run
	@$(BIN)/python -m tests.bench $(ARGS)

.PHONY: crash
crash: install ## Kill a load at every point and play random histories: make crash SEEDS=1-20
	@$(BIN)/python -m tests.crash --seeds $(or $(SEEDS),1-20) $(ARGS)

.PHONY: scoreboard
scoreboard: install ## Faults with a test, and what the last `make crash` survived
	@$(BIN)/python -m tests.crash.scoreboard

.PHONY: sandbox
sandbox: install ## Serve the invented organisation on 127.0.0.1 (ARGS="--help" for options)
	@$(BIN)/python -m tests.sandbox $(ARGS)

.PHONY: clean
clean: ## Delete .venv, caches and what dbt compiled; keeps data/
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache dbt_project/target dbt_project/logs logs *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
