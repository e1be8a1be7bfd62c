# Everything a developer and CI do. Only Python 3.11+ and make are assumed; the rest is installed under .tools and .venv.

PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .tools/uv-$(UV_VERSION)/bin/uv
RUN := .venv/bin/python -m
PACKAGES := svc_identity svc_services svc_payments svc_miniapps

# Every worker of the tests and every process that they start would compile our modules again.
unexport PYTHONDONTWRITEBYTECODE

# What `make bench` runs; empty for all.
NAME ?=
# Further arguments for pytest, such as ARGS="tests/chassis -k outbox".
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run demo test lint format contracts picture checker bench clean

help:
	@echo "make run          start the whole platform here, until Ctrl-C (MYILI_PORT and MYILI_DATA choose where)"
	@echo "make demo         play the story of a resident, three providers and a county team, and check every answer"
	@echo "make test         run all tests (ARGS=... goes to pytest)"
	@echo "make lint         check style, types, import and house rules, contracts, schemas, container files"
	@echo "make format       put the code in the common form"
	@echo "make contracts    export OpenAPI documents and event schemas into contracts/"
	@echo "make picture      draw the services and their rooms into docs/architecture.md"
	@echo "make checker      build the wheel with which teams check their packages, into build/"
	@echo "make bench        measure (NAME=ingest runs one)"
	@echo "make clean        remove the environment; data in var/ stays"

run: setup
	@exec $(RUN) deploy.local run

demo: setup
	@exec $(RUN) tests.journeys.demo

test: setup
	@$(RUN) contracts.lint install
	@$(RUN) tests.clients
	@$(RUN) tests.svc_miniapps.packages.zip_packers
	$(RUN) pytest -n 3 --dist worksteal $(ARGS)

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(RUN) mypy .
	.venv/bin/lint-imports
	$(RUN) tests.house
	$(RUN) contracts check
	$(RUN) contracts.lint
	$(RUN) deploy.local with-postgres sh -c \
		"$(RUN) chassis.migrations upgrade $(PACKAGES) && $(RUN) chassis.migrations check $(PACKAGES)"
	.venv/bin/check-jsonschema --builtin-schema vendor.compose-spec deploy/compose/compose.yaml
	.venv/bin/hadolint Dockerfile

format: setup
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

contracts: setup
	$(RUN) contracts export

picture: setup
	$(RUN) tests.house.picture

checker: setup
	$(RUN) svc_miniapps.packages.wheel build

bench: setup
	$(RUN) tests.bench $(NAME)

clean:
	rm -rf .venv .tools build .mypy_cache .ruff_cache .import_linter_cache .hypothesis

setup: .venv/installed

# Bytecode is compiled once here, so that no start of a service has to.
.venv/installed: $(UV) pyproject.toml uv.lock
	@echo "Installing the locked packages into .venv; the first time this takes a minute or two."
	@UV_PYTHON_DOWNLOADS=never $(UV) sync --quiet --locked --system-certs --compile-bytecode --python $(PYTHON)
	@touch $@

$(UV):
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" 2> /dev/null || { \
		echo "My Ili needs Python 3.11 or newer as $(PYTHON); name one: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	@echo "Installing uv $(UV_VERSION), which installs everything else, into .tools."
	@rm -rf .tools
	@$(PYTHON) -m venv .tools/uv-$(UV_VERSION)
	@.tools/uv-$(UV_VERSION)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
