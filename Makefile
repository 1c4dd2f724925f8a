# Everything a developer does, one word each. Needs python3 (with venv), make and git; the rest is installed into .venv.

SHELL := /bin/bash
PYTHON3 ?= python3
VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.srcdiff-ready
NUMPY1_ON := 3.10

.DEFAULT_GOAL := help
.PHONY: help demo test test-all bench golden format clean

help: ## list these targets
	@echo "srcdiff: numeric Python in, readable derivative Python out"
	@echo
	@sed -nE 's/^([a-z-]+):.*## (.*)$$/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

$(READY): pyproject.toml
	@echo "== creating $(VENV) from $$($(PYTHON3) --version) and installing srcdiff with its tools"
	@test -x $(PYTHON) || $(PYTHON3) -m venv $(VENV)
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable '.[dev,mixture,plots]'
	@touch $(READY)

demo: $(READY) ## show the lecture's function and its derivatives, and a mixture fitted and drawn (build/pictures)
	@$(PYTHON) examples/demo.py

test: $(READY) ## lint, check types, run the tests (one interpreter)
	@echo "== ruff check"
	@$(PYTHON) -m ruff check .
	@echo "== ruff format --check"
	@$(PYTHON) -m ruff format --check .
	@echo "== mypy --strict"
	@$(PYTHON) -m mypy
	@echo "== pytest"
	@$(PYTHON) -m pytest -q -n auto

test-all: ## run the tests on every Python 3.10 to 3.13 that is found, NumPy 1.26 on one of them
	@set -u; ran=""; failed=""; \
	for version in 3.10 3.11 3.12 3.13; do \
	  found=""; \
	  for candidate in $$(command -v python$$version || true) "$$HOME"/.pyenv/versions/$$version.*/bin/python; do \
	    if "$$candidate" -c "import sys, venv; assert '%d.%d' % sys.version_info[:2] == '$$version'" 2>/dev/null; then \
	      found=$$candidate; break; \
	    fi; \
	  done; \
	  if [ -z "$$found" ]; then echo "== Python $$version: not found"; continue; fi; \
	  numpy='numpy>=2,<3'; if [ $$version = $(NUMPY1_ON) ]; then numpy='numpy>=1.26,<2'; fi; \
	  echo "== Python $$version ($$found) with $$numpy"; \
	  env=$(VENV)-$$version; \
	  { test -x $$env/bin/python || "$$found" -m venv $$env; } \
	    && $$env/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,mixture,plots]' "$$numpy" \
	    && $$env/bin/python -m pytest -q -n auto -p no:cacheprovider \
	    && ran="$$ran $$version" || failed="$$failed $$version"; \
	done; \
	echo "== passed:$${ran:- none}; failed:$${failed:- none}"; \
	test -z "$$failed" -a -n "$$ran"

bench: $(READY) ## measure, print the table and write benchmarks/results.md
	@$(PYTHON) -m benchmarks

golden: $(READY) ## write the golden files anew (then read the difference as you would read code)
	@echo "== pytest --update-golden"
	@$(PYTHON) -m pytest -q --update-golden tests
	@git status --short tests/golden

format: $(READY) ## format and mend what ruff can mend
	@echo "== ruff check --fix, ruff format"
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

clean: ## remove the environments, caches and builds
	@echo "== removing $(VENV)*, caches and builds"
	@rm -rf $(VENV) $(VENV)-3.* .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
