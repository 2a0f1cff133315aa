# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_SECONDS ?=
BUNDLE ?=

.PHONY: demo test check bench bench-full requirements lock clean

demo: $(VENV)/.demo
	$(BIN)/python -m simulator.demo $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS)) $(if $(BUNDLE),--bundle $(BUNDLE))

test: $(VENV)/.dev system-packages
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: system-packages
system-packages:
	@sh tests/system_packages.sh

bench: $(VENV)/.dev system-packages
	$(BIN)/python -m benchmarks

bench-full: $(VENV)/.dev system-packages
	$(BIN)/python -m benchmarks --full

requirements: $(VENV)/.dev system-packages
	$(BIN)/python -m tests.requirements_report

# The environment for everything: tests, checks, benchmarks. It also serves the demo.
$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps -e .
	touch $(VENV)/.dev $(VENV)/.demo

$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/demo.txt
	$(BIN)/python -m pip install --quiet --no-deps -e .
	touch $(VENV)/.demo

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python >= 3.11 is needed; $$($(PYTHON) --version) was found. Set PYTHON=python3.11 or newer." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Hashed lock files that name no host.
lock:
	uv pip compile pyproject.toml $(LOCK) --extra edge -o requirements/edge.txt
	uv pip compile pyproject.toml $(LOCK) --extra edge --extra laptop --extra models --extra simulator -o requirements/demo.txt
	uv pip compile pyproject.toml $(LOCK) --all-extras --group dev -o requirements/dev.txt
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
