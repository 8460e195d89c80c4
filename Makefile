# The front door. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NAME ?= uniformity
LONG := browser or families or install or kernel or processes or site or slow

.DEFAULT_GOAL := help
.PHONY: help install book pdf archive exercises accept robustness test test-all sweep chapter address serve train bench lint lock clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(READY)  ## install the pinned environment into .venv

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -r requirements.txt
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

book: $(READY)  ## execute every chapter on the bundled models and build the site
	$(BIN)/seelike book _build/source
	@$(BIN)/seelike compare results/pocket _build/results/pocket || { echo "These are not the published numbers. If that is meant: make accept"; exit 1; }
	$(BIN)/jupyter-book build _build/source --path-output . --all --warningiserror --keep-going
	@echo "The book: $(CURDIR)/_build/html/index.html"

pdf: $(READY)  ## after `make book`: print the whole book into _build/html/seelike.pdf, by Chromium
	$(BIN)/seelike pdf _build/html

archive: $(READY)  ## after `make book`, of a commit: sources, results, site and hashes in one file, for a DOI
	$(BIN)/seelike archive

exercises: $(READY)  ## measure the answers to questions for a class that have none yet
	$(BIN)/seelike exercises

robustness: $(READY)  ## after `make book`: judge every claim by every reasonable choice, and compare with what is published
	$(BIN)/seelike robustness --results-dir _build/results
	@$(BIN)/seelike compare results/pocket _build/results/pocket

test: $(READY)  ## run the quick tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not ($(LONG))"

test-all: $(READY)  ## run those too that need a browser, kernels, several processes or all families of models
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest

sweep: $(READY)  ## run the slow tests: one member of every module of timm in every chapter
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

accept:  ## publish the numbers of the last `make book` as results/pocket, to be committed
	cp _build/results/pocket/*.json results/pocket/

chapter: $(READY)  ## execute one chapter: make chapter NAME=uniformity ARGS="-p profile=mine"
	$(BIN)/seelike run $(NAME) $(ARGS)

address: $(READY)  ## let buttons and notebooks point at a fork: make address URL=https://github.com/NAME/seelike BRANCH=main
	$(BIN)/seelike address "$(URL)" --branch "$(BRANCH)" --site "$(SITE)"

serve: book  ## build the book and serve it at http://127.0.0.1:8000
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

train: $(READY)  ## train the bundled models anew, one a core (resumes from runs/; five to six hours of two cores)
	$(BIN)/python -m seelike.training

bench: $(READY)  ## measure what measuring costs into results/bench.json: make bench ARGS="--photographs FOLDER …" (--help)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target _build/bench -r benchmarks/requirements.txt
	PYTHONPATH=_build/bench $(BIN)/python benchmarks/bench.py $(ARGS)

lint: $(READY)  ## check the style of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lock: $(READY)  ## pin every version anew in requirements.txt
	$(BIN)/python -m pip install --quiet uv==0.13.9
	$(BIN)/uv pip compile --universal --python-version 3.11 --upgrade --no-emit-index-url --no-header \
	    --extra book --extra dev pyproject.toml --output-file requirements.txt

clean:  ## remove all that was built, but not the environment
	rm -rf _build runs .pytest_cache .ruff_cache
