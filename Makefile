# make demo   install, then open the demonstration
# make test   install what tests need, then check everything, as continuous integration does
# make verify-foreign   let other people's tools read the audit log
# make record   keep the histories of this version for later ones, once for each release
# make words   bring the catalogues up to the words of the code, and say what waits to be translated
# Others: make drills (the same at length, for some 45 minutes), bench, measures (what the pages cost
# the people who use them), pictures (every page at two widths, into docs/pictures/book), cover,
# format, clean.

PYTHON := $(shell command -v python3.11 || command -v python3 || command -v python)
BIN    := .venv/bin
ANY_WIDTH := tests/web/test_every_page.py tests/web/test_every_state.py tests/web/test_every_form.py $(wildcard tests/web/test_*_in_a_browser.py)
NAMED  := setup.cfg pyproject.toml
WORKERS := 2

# The checks start Python hundreds of times: what it compiled is kept, even where nothing else is.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test verify-foreign drills record words bench measures pictures cover format clean

help:
	@sed -n '1,/^$$/s/^# //p' Makefile

demo: .venv/installed
	$(BIN)/segue demo $(ARGS)

test: .venv/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy & types=$$!; \
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS); tests=$$?; \
	wait $$types && exit $$tests

verify-foreign: .venv/installed-test .foreign/fetched
	$(BIN)/pytest tests/foreign $(ARGS)

drills: .venv/installed-test .foreign/fetched
	SEGUE_DRILLS=1 $(BIN)/pytest -n 2 tests/races tests/walks tests/referral/test_verify.py tests/referral/test_tallies.py tests/referral/test_wall.py tests/referral/test_mutations.py tests/foreign tests/authz tests/drills \
	  $(ANY_WIDTH) $(ARGS)

cover: .venv/installed-test
	$(BIN)/pytest -n 2 --cov --cov-report=term --cov-report=html $(ARGS)

record: .venv/installed-test
	$(BIN)/python -m tests.recorded

words: .venv/installed-test
	$(BIN)/python -m tests.catalogues

bench: .venv/installed-test
	$(BIN)/python -m benchmarks $(ARGS)

measures: .venv/installed-test
	$(BIN)/python -m tests.measures $(ARGS)

pictures: .venv/installed-test
	$(BIN)/python -m tests.pictures

format: .venv/installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .foreign build dist *.egg-info htmlcov .coverage .coverage.* \
	  .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps make an install happen again only when what is asked for has changed.
.venv/installed: $(NAMED) | .venv/bin/python
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --editable .
	@touch $@

.venv/installed-test: $(NAMED) | .venv/bin/python
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --editable '.[test]'
	@touch .venv/installed $@

# What couldn't be fetched is named by the tests, and tried again the next time.
.foreign/fetched: tests/foreign/requirements.txt tests/foreign/package.json | .venv/bin/python
	@mkdir -p .foreign
	-$(BIN)/python -m venv --clear .foreign/sigstore && .foreign/sigstore/bin/pip install \
	  --quiet --disable-pip-version-check --requirement tests/foreign/requirements.txt
	-cp tests/foreign/package.json .foreign && cd .foreign && npm install \
	  --silent --ignore-scripts --no-package-lock --no-audit --no-fund
	@if .foreign/sigstore/bin/python -c 'import sigstore' && \
	  test -d .foreign/node_modules/@sigstore/verify; then touch $@; fi

.venv/bin/python:
	@test -n '$(PYTHON)' || { echo 'Segue needs Python 3.11 or later, named python3.'; exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Segue needs Python 3.11 or later; $(PYTHON) is older.'; exit 1; }
	'$(PYTHON)' -m venv --clear .venv
