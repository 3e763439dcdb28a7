# Everything runs in an environment of its own, made at first use from pinned requirements.

PYTHON ?=# the Python to make it with; without one, python3
VENV ?= .venv
WITNESSES := .witnesses
PYTEST_ARGS ?=# further arguments for pytest: make test PYTEST_ARGS="-k policy"
MUTANTS ?=# some of them only, by name, or --list: make mutants MUTANTS=no-preflight
SOAK_MINUTES ?= 30# how long the weather is bad: make soak SOAK_MINUTES=5
SEED ?= 1# of all that chance decides in it
APP_PYTHON ?=# make package for an app that runs on another Python than the templates' default
UPGRADE ?=# make lock UPGRADE=1 takes the newest versions instead of keeping the present ones

RUN := $(VENV)/bin/python
# The files without effects: nothing in them is hard to test, so all of it is tested.
PURE := rotation/model.py,rotation/session.py,rotation/decision.py,rotation/claim.py,rotation/report.py,rotation/fleet.py,rotation/tags.py,rotation/policy.py,rotation/schedule.py,rotation/scope.py,rotation/order.py,rotation/orders.py,rotation/events.py,rotation/errors.py,rotation/settings.py,rotation/storage.py,rotation/diagnosis.py,rotation/maker.py,rotation/audit.py,rotation/audit_rules.py,rotation/export.py,rotation/page/accept.py,rotation/page/event_view.py,rotation/page/fleet_view.py,rotation/page/headline.py,rotation/page/secret_view.py,rotation/page/wanted.py,rotation/git_credential.py,rotation/timeline/*.py,rotation/console/layout.py,rotation/console/strip.py
LOCK = $(RUN) -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

.DEFAULT_GOAL := help
.PHONY: help setup witnesses demo test check proof mutants soak package audit format docs lock clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-15s %s\n", $$1, $$2 }'

setup: ## Make the environment, where it is missing or out of date; the others do this themselves
	@tools/setup "$(VENV)" "$(PYTHON)"

witnesses: setup ## Install what the tests are judged by besides the sandbox
	@tools/witnesses "$(WITNESSES)" "$(RUN)"

demo: setup ## Watch tokens being rotated in a sandbox on this machine, in about a minute
	@$(RUN) -m sandbox.demo

test: check witnesses ## Run the static checks and every test, and hold the coverage
	rm -f .coverage .coverage.*
	$(RUN) -m coverage run -m pytest --numprocesses auto $(PYTEST_ARGS)
	$(RUN) -m coverage combine --quiet
	$(RUN) -m coverage report
	@echo "The files without effects:"
	$(RUN) -m coverage report --include=$(PURE) --fail-under=100

check: setup ## Run the static checks only: style, format, types, imports
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports --no-logo

proof: setup witnesses ## Prove the protocol in full: every story, crash, order and mutant, and a year
	$(RUN) -m pytest --proof --numprocesses auto $(PYTEST_ARGS)

mutants: setup witnesses ## Break the code in each of the ways that a test must notice, and show that it does
	@$(RUN) -m tests.mutants $(MUTANTS)

soak: setup witnesses ## Kill the product at random in bad weather for half an hour, and judge what is left
	@$(RUN) -m tests.soak --minutes $(SOAK_MINUTES) --seed $(SEED)

package: setup ## Make the package that Azure runs, its bill of materials and its licences, in build/
	@$(RUN) -m tools.package $(if $(APP_PYTHON),--python $(APP_PYTHON))

audit: setup ## Ask for known vulnerabilities of every package that is deployed or used here
	$(RUN) -m pip_audit --strict --require-hashes --disable-pip --progress-spinner off \
		--requirement requirements.txt --requirement requirements-cli.txt --requirement requirements-dev.txt

format: setup ## Put the code into its format, and mend what the linter can mend
	$(RUN) -m ruff check --fix-only
	$(RUN) -m ruff format

docs: setup ## Write docs/commands.md from the help of the commands
	@$(RUN) -m tools.manual

lock: setup ## Make requirements*.txt from requirements*.in
	$(LOCK) requirements.in --output-file requirements.txt
	$(LOCK) requirements-dev.in --constraints requirements.txt --output-file requirements-dev.txt
	$(LOCK) requirements-cli.in --constraints requirements-dev.txt --output-file requirements-cli.txt
	$(LOCK) tests/witnesses/checkov.in --output-file tests/witnesses/checkov.txt

clean: ## Remove everything that make has made
	rm -rf .venv .venv-* $(WITNESSES) .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache \
		.pytest_cache .ruff_cache build ./*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
