# Everything works in a fresh clone with Python 3.11 or later, make and git.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
RUN := $(VENV)/bin
PLUGINS := $(patsubst %/pyproject.toml,./%,$(wildcard plugins/*/pyproject.toml))
PLUGIN_SOURCES := $(addsuffix /src,$(PLUGINS))
empty :=
OWN := --no-emit-package muniment $(PLUGINS:./plugins/%=--no-emit-package muniment-%)
PACKAGES := pyproject.toml $(wildcard plugins/*/pyproject.toml)
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo serve-demo test check bench fuzz memory interop lock pictures soak clean

help:
	@echo "make demo    set up, then show the main job end to end"
	@echo "make serve-demo  set up, then serve the pages of a made-up company, with a link for each user"
	@echo "make test    set up, then run the tests"
	@echo "make check   set up, then run the linters, the type checker and the layer rules"
	@echo "make bench   set up, then measure against the bare floor; prints JSON"
	@echo "make fuzz    set up, then ask every call of the API in a hundred ways"
	@echo "make memory  set up, then send twenty thousand requests and print what the process holds"
	@echo "make soak    set up, then run the tests that take minutes"
	@echo "make interop  set up, then have tools of others check what we write"
	@echo "make pictures  set up, then take the pictures of the pages in docs/pictures"
	@echo "make lock    renew the pins from the pyproject.toml files"

# The environment alone: everything pinned by hash, then our own distributions, editable.
$(VENV)/ready: pins.txt $(PACKAGES) $(wildcard plugins/*/hatch_build.py)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "muniment needs Python 3.11 or later; say which with PYTHON=...")'
	test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r pins.txt
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation \
		-e . $(addprefix -e ,$(PLUGINS))
	touch $@

demo: $(VENV)/ready
	$(RUN)/muniment demo

serve-demo: $(VENV)/ready
	$(RUN)/muniment demo --serve

test: $(VENV)/ready
	$(RUN)/python -m pytest -n $(WORKERS)

check: $(VENV)/ready
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	MYPYPATH=$(subst $(empty) $(empty),:,$(PLUGIN_SOURCES)) $(RUN)/mypy core schemas $(PLUGIN_SOURCES) tests/typing
	$(RUN)/lint-imports
	$(RUN)/codespell
	$(RUN)/deptry core schemas

bench: $(VENV)/ready
	$(RUN)/python tests/bench

# Go, sigstore and others: large, and needed by nobody but this.
$(VENV)/interop: pins-interop.txt $(VENV)/ready
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes \
		-r pins-interop.txt
	touch $@

interop: $(VENV)/interop
	$(RUN)/python -m pytest -m interop tests/interop

fuzz: $(VENV)/ready
	MUNIMENT_FUZZ=100 $(RUN)/python -m pytest -n $(WORKERS) plugins/web/tests/test_api_fuzz.py

memory: $(VENV)/ready
	MUNIMENT_REQUESTS=20000 $(RUN)/python -m pytest -n 0 plugins/web/tests/test_memory.py

soak: $(VENV)/ready
	HYPOTHESIS_PROFILE=soak $(RUN)/python -m pytest -m "soak or slow"

pictures: $(VENV)/ready
	$(RUN)/python tests/tools/make_pictures.py

# One file for all platforms; it names versions and hashes, and no address.
lock:
	test -x $(RUN)/uv || { $(PYTHON) -m venv $(VENV) && $(RUN)/python -m pip install --quiet uv; }
	for one in . $(PLUGINS); do \
		echo "muniment$$(test $$one = . || echo -$$(basename $$one)) @ file://$(CURDIR)/$$one"; \
	done | $(RUN)/uv pip compile $(PACKAGES) --all-extras \
		--group build --group tests --group checks --group lock \
		--overrides - $(OWN) --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --upgrade --quiet --output-file pins.txt
	$(RUN)/uv pip compile pyproject.toml --group interop --constraint pins.txt \
		$(OWN) --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --upgrade --quiet --output-file pins-interop.txt

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
