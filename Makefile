# Everything a person does here. `make` alone lists it. PYTHON, TORCH, TORCH_INDEX, CHROMIUM and APT=no: CONTRIBUTING.md.
.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-panels test-python chaos lint type format build hub dev bench setup lock clean
BIN := .venv/bin
# Files of tests run side by side, one for each core: three on two cores took a third longer, as trainings share them.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# Without its compiled modules every job imports for 13 seconds instead of 6.
unexport PYTHONDONTWRITEBYTECODE

help: ## this list
	@echo "make TARGET, each does its own set-up:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{printf "%-12s%s\n", $$1, $$2}'

demo: ## fine-tune a real model on real data, all stages, at most 8 minutes; HUB=1: on a stand-in for rented machines
	@sh tools/bootstrap/run.sh demo
	@$(BIN)/python examples/demo$(if $(HUB),_hub).py

test: lint ## what has to pass before a commit lands: lint, types, panels, Python, notebooks, browser, kills
	@$(MAKE) --no-print-directory -j2 test-panels test-python

test-all: lint ## the same with the tests that take many minutes
	@$(MAKE) --no-print-directory -j2 test-panels test-python WHICH='-m "not alone"'
	@$(BIN)/python -m pytest -m alone

# Side by side, as a browser mostly waits for its next frame.
test-panels: setup
	@CHROMIUM="$$(cat .cache/chromium)" npm test --silent

test-python: setup
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(WHICH)

chaos: setup ## 10,000 schedules of faults, kills and cancels against the stand-in Hub: what they cost
	@cd tests && ../$(BIN)/python -m money

lint: setup ## ruff, import-linter, the strict type checker, tsc and biome
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/mypy
	@npm run check --silent

type: setup ## the strict type checker alone
	@$(BIN)/mypy

format: setup ## let ruff and biome put the source in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@npm run fix --silent

build: setup ## the wheel, with the panels' bundles, in dist/
	@$(BIN)/python -m build

hub: setup ## a stand-in for the Hub on this machine, with the demo's model and data on it
	@cd tests && ../$(BIN)/python -m hub

dev: setup ## JupyterLab on examples/, the bundles built again at each change and reloaded in place
	@sh tools/dev.sh

bench: setup ## the figures that the documents quote, measured here
	@for each in bench/*.py; do echo "== $$each"; $(BIN)/python "$$each" || exit 1; done

setup: ## only the set-up
	@sh tools/bootstrap/run.sh test

lock: setup ## write the versions of this environment to tools/constraints.txt
	@$(BIN)/python tools/lock.py

clean: ## remove everything that make made here
	rm -rf .venv node_modules .cache .demo .jupyter dist build test-results notebook_ext/tunebook/widgets/static
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
