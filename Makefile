# Needs python3 (3.11 or newer, with venv), make and git; everything else is installed into
# .tools and .venv. A second run installs nothing.

UV_VERSION := 0.13.9
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(if $(shell \
	$(name) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(name))))
# Test processes side by side, with one PostgreSQL and one Temporal between them.
WORKERS ?= 2
ARGS ?=

UV := .tools/uv-$(UV_VERSION)/bin/uv
BIN := .venv/bin
INSTALLED := .venv/.installed

export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
# Somebody without a home keeps the downloads here.
ifeq ($(shell test -n "$$HOME" -a -w "$$HOME" && echo yes),)
export UV_CACHE_DIR ?= $(CURDIR)/.tools/cache
export PIP_NO_CACHE_DIR := 1
endif
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

.PHONY: help demo up test check unit proofs browser abuse chaos bench bench-long cases doctor format install clean histories
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

demo: $(INSTALLED) ## the main job on the example orders, with its report
	@$(BIN)/caravan demo $(ARGS)

up: $(INSTALLED) ## the whole stack in the foreground; Ctrl-C ends it
	@exec $(BIN)/caravan up $(ARGS)

test: check ## every gate and every test: what CI runs
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(INSTALLED) ## the gates that run nothing: style, types, imports, dependencies
	@.ci/check $(BIN)

unit: $(INSTALLED) ## the tests that need no server
	@$(BIN)/pytest tests/architecture $(wildcard tests/domain) -m "not slow" $(ARGS)

proofs: $(INSTALLED) ## every money step in every disturbance, and the example lived twice
	@$(BIN)/pytest -n $(WORKERS) tests/activities tests/trace --thorough $(ARGS)

abuse: $(INSTALLED) ## every route under made-up requests, for minutes rather than seconds
	@$(BIN)/pytest tests/api/test_fuzz.py --thorough $(ARGS)

chaos: $(INSTALLED) ## 200 orders while everything around them falls; a quarter of an hour
	@$(BIN)/pytest tests/e2e/test_chaos.py tests/e2e/test_up.py --thorough $(ARGS)

browser: $(INSTALLED) ## the console in Chromium, which the system must have; pictures in out/console
	@command -v chromium > /dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null \
		&& apt-get install --yes --no-install-recommends chromium fonts-noto-cjk; } \
		|| { echo "Chromium is needed, and fonts for Chinese. On Debian or Ubuntu, as root:" \
		"apt-get install chromium fonts-noto-cjk" >&2; exit 1; }
	@$(UV) sync --quiet --frozen --all-extras --group browser
	@CHROMIUM="$$(command -v chromium)" $(BIN)/pytest tests/browser $(ARGS)

cases: $(INSTALLED) ## which edge cases have a test
	@$(BIN)/pytest --cases -q --no-header || [ $$? -eq 5 ]

histories: $(INSTALLED) ## record the lives that replays are checked on, all or ARGS
	@$(BIN)/python -m tests.replay.record $(ARGS)

bench: $(INSTALLED) ## measure everything, in a quarter of an hour, and write docs/performance.md
	@$(BIN)/python -m benchmarks $(or $(ARGS),usual)

bench-long: $(INSTALLED) ## the same, beside 10,000 open orders as well
	@$(BIN)/python -m benchmarks long

doctor: $(INSTALLED) ## what this machine lacks to run the stack
	@$(BIN)/caravan doctor

format: $(INSTALLED) ## put the code in order
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --fix .

install: $(INSTALLED) ## what the other commands do first

clean: ## remove what was installed and cached; the data in .caravan stays
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(INSTALLED): pyproject.toml uv.lock $(UV)
	@echo "Installing (once; under a minute, most of it downloads) ..."
	@[ -t 2 ] || quiet=--quiet; \
	$(UV) sync $$quiet --frozen --all-extras --python "$$(command -v $(PYTHON))"
	@touch $@

$(UV):
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is needed, and none was found." \
		"Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv." \
		"On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Fetching uv $(UV_VERSION) into .tools ..."
	@$(PYTHON) -m venv --clear .tools/uv-$(UV_VERSION)
	@.tools/uv-$(UV_VERSION)/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@
