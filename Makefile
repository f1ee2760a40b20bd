# `make demo` and `make test` are all a newcomer needs; each sets up what it uses.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# a process a core, four at most as each may hold the model; the tests of a file stay together and share what they set up
SPREAD := -n logical --maxprocesses 4 --dist loadfile
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: demo test test-all check format clean llamafactory

demo: $(VENV)/.installed
	$(BIN)/manyshot demo

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(SPREAD)

test-all: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(SPREAD) -m ''

# format, lint, types, import directions
check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_imports.py

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/bin/pip:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "manyshot needs Python 3.11 or newer, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo 'on Debian: apt install python3-venv, then again' >&2; exit 1; }

# torch first and pinned: this version installs as a CPU build, any other would bring gigabytes of CUDA.
$(VENV)/.installed: pyproject.toml | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

# LLaMA-Factory for `manyshot train --trainer llamafactory`, apart from ours because it pins older versions. Without
# dependencies where they would bring another torch; its own torchaudio has a library for CUDA, which a CPU torch cannot load.
LF := .venv-llamafactory
llamafactory: $(LF)/.installed

$(LF)/.installed: requirements-llamafactory.txt
	$(PYTHON) -m venv $(LF)
	$(LF)/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(LF)/bin/pip install --quiet --disable-pip-version-check -r requirements-llamafactory.txt
	$(LF)/bin/pip install --quiet --disable-pip-version-check --no-deps llamafactory==0.9.5 peft==0.18.1 trl==0.24.0 \
		accelerate==1.11.0 torchaudio==2.11.0 torchdata==0.11.0
	rm -f $(LF)/lib/python3*/site-packages/torchaudio/lib/*.so
	$(LF)/bin/python -c 'import llamafactory.data, llamafactory.train.tuner'
	touch $@

clean:
	rm -rf $(VENV) $(LF) runs .mypy_cache .ruff_cache .pytest_cache
