# Everything a newcomer needs. `make help` lists it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Where torch comes from; e.g. TORCH_FLAGS="--index-url https://download.pytorch.org/whl/cpu" for the small CPU build.
TORCH_FLAGS ?=
DEMO_FOLDER ?= advisor-runs/demo

.DEFAULT_GOAL := help
.PHONY: help install demo test check lint types lock serve docs clean

help: ## List these targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/installed ## Make .venv with the locked dependencies

$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Python 3.11, 3.12 or 3.13 is needed, found $$($(PYTHON) --version). Name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "This Python cannot make environments. On Debian or Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH_FLAGS) torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(VENV)/installed ## Assess, audit and compare the sample tickets; write the report
	$(BIN)/advisor demo --out $(DEMO_FOLDER)

test: $(VENV)/installed ## Run every test that this machine can run
	$(BIN)/pytest

check: lint types $(VENV)/installed ## ruff, mypy --strict and the layer test
	$(BIN)/pytest --quiet tests/test_layers.py tests/test_startup.py

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed
	$(BIN)/mypy

docs: $(VENV)/installed ## Renew docs/rules.md and docs/statistics.md
	$(BIN)/python scripts/rules_handbook.py
	$(BIN)/python scripts/statistics_page.py

lock: ## Renew requirements.lock from pyproject.toml
	PYTHON=$(PYTHON) scripts/lock.sh

serve: $(VENV)/installed ## Serve pages and API on http://127.0.0.1:8000
	$(BIN)/advisor serve

clean: ## Remove the environment and caches, keep runs
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
