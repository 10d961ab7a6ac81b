# Everything needs only Python 3.11 or newer, make and git: the first target that needs the environment makes it.

PYTHON ?= python3
DATA ?=
PROFILE ?= quick
SET ?=
CLUSTER ?=
NOTEBOOKS ?= notebooks

VENV := .venv
READY := $(VENV)/.ready
PYTEST := pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# Computed once, kept between builds; a plot edit trains nothing again.
export EMOLIB_CACHE ?= $(CURDIR)/.cache
# A Dask scheduler to train on; empty for this machine.
export EMOLIB_CLUSTER ?= $(CLUSTER)
# To the shell by its environment, where no quote or blank of a path can do harm.
export DATA PROFILE SET NOTEBOOKS

.PHONY: report publish bench test coverage mutants explore walkthroughs lab lock help clean
.DEFAULT_GOAL := help

report: $(READY) ## build reports/report.html; DATA=file.xlsx|folder PROFILE=quick|paper|full SET="name=value …" CLUSTER=tcp://…
	@$(VENV)/bin/python -m emolib report --data "$$DATA" --profile "$$PROFILE" --set "$$SET"

publish: $(READY) ## build reports/sfew.html and the README's figures from DATA=SFEW.xlsx, aggregates only
	@$(VENV)/bin/python -m emolib report --data "$$DATA" --profile paper --set "$$SET" --publish sfew

bench: $(READY) ## measure what training costs, print it and write reports/bench.json
	@$(VENV)/bin/python -m emolib.bench

# Tests side by side use all cores; a matrix product with threads of its own would wait for them.
test coverage mutants: export OPENBLAS_NUM_THREADS := 1

test: $(READY) ## run every test, on up to four cores
	@$(VENV)/bin/python -m $(PYTEST)

coverage: $(READY) ## run every test and list the lines and branches of emolib that none of them runs
	@$(VENV)/bin/coverage run -m $(PYTEST)
	@$(VENV)/bin/coverage combine --quiet
	@$(VENV)/bin/coverage report

mutants: $(READY) ## change folds, metrics, pruning and statistics in small ways, and list what no test notices
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check mutmut==3.8.1
	@$(VENV)/bin/mutmut run
	@$(VENV)/bin/mutmut results

lint: $(READY) ## hold the code to its conventions, and to the types that it states
	@$(VENV)/bin/ruff check emolib tests
	@$(VENV)/bin/mypy --cache-dir $(VENV)/mypy

explore: $(READY) ## open the explorers in JupyterLab, on this machine only; DATA=file.xlsx
	@$(VENV)/bin/python -m emolib explore --data "$$DATA"

walkthroughs: $(READY) ## build reports/walkthroughs: five lessons as pages, hand-outs, a teacher's page
	@$(VENV)/bin/python -m emolib walkthroughs

lab: $(READY) ## open the chapters in JupyterLab; NOTEBOOKS=reports/walkthroughs/handout opens the lessons
	@$(VENV)/bin/jupyter lab "$$NOTEBOOKS"

lock: $(READY) ## write requirements.lock for every Python that pyproject.toml allows; kept versions stay
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@$(VENV)/bin/uv pip compile pyproject.toml --extra test --extra cluster --universal \
		--python-version 3.11 --no-header --no-annotate --quiet --output-file requirements.lock
	@sed -i.old -E '/^(nvidia-|cuda-|triton=)/d; s/^(torch==[0-9.]+)[+]cpu/\1/' requirements.lock
	@rm requirements.lock.old

clean: ## remove the environment, the cache and what was built
	rm -rf $(VENV) .cache .coverage* mutants
	rm -rf reports/walkthroughs reports/report.* reports/.[a-z]* reports/chapters reports/results.json reports/build.log

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Exact versions, from the committed lock.
$(READY): requirements.lock pyproject.toml
	@echo 'Making the environment in $(VENV), a minute or two …'
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "emolib needs Python 3.11 or newer; name one with make PYTHON=python3.11 …")'
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
