# `make demo` and `make test` need nothing but Python 3.11 or newer: each makes its own environment in .venv first.
.DEFAULT_GOAL := help
.PHONY: help demo test lint types format chaos bench bfcl clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLATFORM := .venv-platform
# bfcl-eval is read for its tasks only, so it comes without the models and clients it depends on.
INSTALL = $(call INSTALL_INTO,$(VENV),constraints.txt,$(1))
INSTALL_INTO = if command -v uv >/dev/null 2>&1; then uv pip install --quiet --python $(1)/bin/python -c $(2) $(3); \
	else $(1)/bin/python -m pip install --quiet --disable-pip-version-check -c $(2) $(3); fi
MAKE_VENV = if command -v uv >/dev/null 2>&1; then uv venv --quiet --allow-existing --python $(PYTHON) $(1); \
	else $(PYTHON) -m venv $(1) && $(1)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip; fi

help:  ## show this list
	@grep -E '^[a-z]+:.*##' Makefile | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/.demo  ## watch the agent solve a task on real figures: no key, no network
	@$(BIN)/lumo demo

test: $(VENV)/.dev $(PLATFORM)/.made  ## run the tests
	@LANGGRAPH_STRICT_MSGPACK=true $(BIN)/python -m pytest -n 2 -q

lint: $(VENV)/.dev types  ## check style, types and the floors of the house
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: $(VENV)/.dev  ## check the types
	@$(BIN)/pyright
	@$(BIN)/mypy --strict tests/typing_of_the_public_api.py

format: $(VENV)/.dev  ## format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

chaos: $(VENV)/.dev  ## kill many runs at random, and see that nothing is lost or happens twice
	@LANGGRAPH_STRICT_MSGPACK=true $(BIN)/python -m tests.chaos

bench: $(VENV)/.dev  ## measure, and compare with other libraries in environments of their own
	@LANGGRAPH_STRICT_MSGPACK=true $(BIN)/python -m tests.benchmarks.overhead
	@LANGGRAPH_STRICT_MSGPACK=true $(BIN)/python -m tests.benchmarks.sandbox
	@LANGGRAPH_STRICT_MSGPACK=true $(BIN)/python -m tests.benchmarks.durability
	@LANGGRAPH_STRICT_MSGPACK=true $(BIN)/python -m tests.benchmarks.tracing
	@LANGGRAPH_STRICT_MSGPACK=true $(BIN)/python -m tests.benchmarks.serving
	@LANGGRAPH_STRICT_MSGPACK=true $(BIN)/python -m tests.benchmarks.scale
	@LANGGRAPH_STRICT_MSGPACK=true $(BIN)/python -m tests.benchmarks.bfcl

clean:  ## remove the environment and what tools left
	@rm -rf $(VENV) $(PLATFORM) build dist .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis .benchmarks

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "lumo_graph needs Python 3.11 or newer; choose one with: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Making the environment in $(VENV) ..."
	@$(call MAKE_VENV,$(VENV))
	@touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing lumo_graph ..."
	@$(call INSTALL,-e '.[cli]')
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing lumo_graph and what its tests need ..."
	@$(call INSTALL,-e '.[cli$(comma)openai$(comma)postgres$(comma)langchain$(comma)schema$(comma)tools$(comma)mcp$(comma)server]' --group dev)
	@$(call INSTALL,--no-deps bfcl-eval mpmath)
	@touch $@ $(VENV)/.demo

# LangGraph's Agent Server and deepagents, which tests drive from outside: what they allow and what our tools need exclude
# each other.
$(PLATFORM)/.made: $(VENV)/.made pyproject.toml constraints-platform.txt
	@echo "Installing the Agent Server and deepagents in $(PLATFORM) ..."
	@$(call MAKE_VENV,$(PLATFORM))
	@$(call INSTALL_INTO,$(PLATFORM),constraints-platform.txt,-e '.[cli$(comma)openai$(comma)langchain]' 'langgraph-cli[inmem]' deepagents)
	@touch $@

comma := ,
