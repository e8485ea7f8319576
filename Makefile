# Every target makes .venv and installs what it needs by itself.
#   make demo   find the genes of a bacterium      make test    all tests
#   make check  format, lint, types, quick tests   make format  format and fix
#   make bench  measure beside other libraries     make clean   remove everything that was made
# Another interpreter: make PYTHON=python3.12 test
# Some rows only: make bench ROWS=viterbi           In full size (minutes, gigabytes): make bench ROWS=memory FULL=1
# In an environment of your own, as it is: make bench BIN=.../bin

PYTHON ?= python3
BIN := .venv/bin
ROWS :=
FULL :=
DEMO := .venv/demo.stamp
DEV := .venv/dev.stamp
BENCH := $(if $(filter .venv/bin,$(BIN)),.venv/bench.stamp)

.PHONY: demo test check bench format clean
.DELETE_ON_ERROR:

demo: $(DEMO)
	$(BIN)/python examples/genome.py

test: $(DEV)
	$(BIN)/pytest -n auto

check: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python .ci/typecheck.py
	$(BIN)/pytest -n auto -q -m "not slow"

# One thread for everybody: what they start is set here, what they start themselves is checked by the suite.
bench: $(BENCH)
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest benchmarks/suite/test_speed.py \
	  -q -o filterwarnings=ignore --benchmark-disable-gc --benchmark-quiet -k '$(ROWS)' $(if $(FULL),--full)

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv build dist hmmseq.egg-info .numba_cache .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "hmmseq needs Python >= 3.11, and $(PYTHON) is `$(PYTHON) --version 2>&1`."; \
	  echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; } >&2
	$(PYTHON) -m venv .venv

# The demo needs neither torch nor the tools; where the tools are installed, so is everything for the demo.
$(DEMO): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install -q -e '.[bio,plot]' -c constraints.txt
	touch $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install -q -e '.[all,dev]' -c constraints.txt
	touch $(DEMO) $@

.venv/bench.stamp: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -e '.[hybrid,plot,bench]' -c constraints.txt
	touch $@
