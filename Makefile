# The tasks of this project. They need Python 3.11 or newer; the rest is installed into .venv.
# `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
WITHOUT ?=
JOBS ?= 2
BENCH_ARGS ?=
FIRST ?= 0
SEEDS ?= 20000

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.installed ## run the demo app; PORT=8080, its state in NICEGUI_STASH_URL=memory://
	$(BIN)/python -m demo_app

.PHONY: test
test: $(VENV)/.installed-test $(filter-out $(WITHOUT),chromium servers) ## run all tests, JOBS=2 files at a time; PYTEST_ARGS='-k …', WITHOUT='chromium servers' to choose
	$(BIN)/pytest --numprocesses $(JOBS) --dist loadfile $(LEFT_OUT) $(PYTEST_ARGS)

# WITHOUT leaves out what is to be installed, and the tests that need it
LEFT_OUT = $(if $(filter chromium,$(WITHOUT)),-m 'not browser') $(if $(filter servers,$(WITHOUT)),-k 'not azur and not s3rver and not redis')

# Reflex has an environment of its own, into which neither NiceGUI nor this package is installed: only what both need.
REFLEX_NEEDS = 'fsspec>=2024.12.0' 'msgspec>=0.22' 'itsdangerous>=2.2'

.venv-reflex/.installed: pyproject.toml $(VENV)/.made
	rm -rf .venv-reflex
	$(PYTHON) -m venv --without-pip .venv-reflex
	$(BIN)/python -m pip --python .venv-reflex/bin/python install --quiet --quiet $(REFLEX_NEEDS) --group reflex
	@touch $@

.PHONY: reflex
reflex: .venv-reflex/.installed $(filter-out $(WITHOUT),chromium) ## run the tests of the plugin for Reflex, in .venv-reflex
	.venv-reflex/bin/python -m pytest --config-file tests/reflex/pytest.ini $(PYTEST_ARGS) tests/reflex

.PHONY: versus
versus: .venv-reflex/.installed ## measure the plugin for Reflex against Reflex's own state managers; BENCH_ARGS=--help for options
	.venv-reflex/bin/python -m tests.reflex.bench $(BENCH_ARGS)

# Reflex gets Node.js from the environment, npm instead of bun, and a copy of the app, as it writes into its folder.
.PHONY: reflex-demo
reflex-demo: .venv-reflex/.installed ## run the demo app of the plugin for Reflex: http://localhost:3000
	mkdir -p build/demo_reflex && cp -r demo_reflex/. build/demo_reflex
	PATH="$(CURDIR)/.venv-reflex/bin:$$PATH" && cd build/demo_reflex && \
		PYTHONPATH="$(CURDIR)" REFLEX_USE_NPM=1 NPM_CONFIG_REGISTRY="$$(npm config get registry)" reflex run --env prod

.PHONY: simulate
simulate: $(VENV)/.installed-test ## live through SEEDS=20000 random lives of a session, with crashes and faults
	$(BIN)/python -m tests.core.simulation --first $(FIRST) --seeds $(SEEDS)

.PHONY: lint
lint: $(VENV)/.installed-lint ## check style and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

.PHONY: format
format: $(VENV)/.installed-lint ## format the code and sort its imports
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

.PHONY: types
types: $(VENV)/.installed-lint $(VENV)/.installed-test ## check types
	$(BIN)/pyright --pythonpath $(BIN)/python

.PHONY: docs
docs: $(VENV)/.installed-docs ## build the documentation into docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

.PHONY: bench
bench: $(VENV)/.installed-bench ## measure against NiceGUI's own storage; BENCH_ARGS=--help for options
	$(BIN)/python -m tests.bench $(BENCH_ARGS)

.PHONY: wheel
wheel: $(VENV)/.made ## build the wheel into dist
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

.PHONY: release
release: $(VENV)/.installed-release ## build and check what is uploaded, and write its notes: dist/NOTES.md
	mkdir -p build && $(BIN)/python tests/wheel/notes.py > build/NOTES.md
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	mv build/NOTES.md dist/NOTES.md
	@echo 'ready to be uploaded: $(BIN)/twine upload dist/*.whl dist/*.tar.gz'

.PHONY: clean
clean: ## remove .venv and everything that was built
	rm -rf $(VENV) .venv-* build dist docs/_build docs/proofs.md .pytest_cache .ruff_cache .import_linter_cache .hypothesis .nicegui .nicegui-stash
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- set-up: each step leaves a stamp, and runs again only when pyproject.toml is newer

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo 'python3 -m venv does not work here; on Debian: apt-get install python3-venv'; exit 1; }
	$(BIN)/python -m pip install --quiet --quiet --upgrade 'pip>=25.1'  # the first that installs dependency groups
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.made
	$(BIN)/python -m pip install --quiet --quiet --editable '.[encryption]'  # the demo encrypts
	@touch $@

$(VENV)/.installed-%: pyproject.toml $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --quiet --editable '.[testing]' --group $*
	@touch $@

.PHONY: chromium
chromium:
	@sh tests/install_chromium.sh

.PHONY: servers
servers:
	@sh tests/install_servers.sh
