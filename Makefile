# Everything that is needed lands in .venv; nothing outside this folder is written.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint types bench compat faults clean

demo: $(STAMP)
	@$(BIN)/python examples/demo.py

test: $(STAMP)
	$(BIN)/python -m pytest -n auto

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python benchmarks/run_all.py

# SEED=1 repeats a run, CALLS=500 makes it shorter. About three minutes on two cores.
faults: $(STAMP)
	cd tests && SEED=$(SEED) CALLS=$(CALLS) ../$(BIN)/python -m faults

# Real tools from the package registry: some 900 MB below .venv/compat, and twenty minutes.
# TOOLS="black pip" takes only these, ROUNDS=0 times nothing.
compat: $(STAMP)
	$(BIN)/python -m compat.click_suite
	$(BIN)/python -m compat.run --rounds $(or $(ROUNDS),15) $(TOOLS)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tooltrail needs Python 3.11 or later; try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
