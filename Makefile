# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.
# They need CPython 3.11 to 3.14 with pip, and nothing installed by hand; the tests install
# the browser, proxies and card software that they start (.ci/parts), on Debian and its like.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ONCE ?=
PORT ?=
PUSH ?=
ARGS ?=
PEER ?=
# No test asks anybody whom this system's authorities vouch for, and each process would read them.
# Whoever forbids Python to keep what it compiled has every process of the tests compile it anew.
# Tests force every commit to disk as the server does; in memory that costs nothing.
SCRATCH := $(shell [ "$$(df --output=avail /dev/shm 2>/dev/null | tail -1)" -gt 4000000 ] 2>/dev/null && echo /dev/shm)

.DEFAULT_GOAL := help
.PHONY: help demo parts test check lint types contracts format vectors vendor screenshots bench lock clean

help:  ## Show what there is to make.
	@awk 'BEGIN {FS = ":.*##"} /^[a-z-]+:.*##/ {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.run  ## Play the main job and serve on; ONCE=1 stops after the play, PORT=n chooses the port, PUSH=1 simulates push services.
	@$(BIN)/python -m pairing_server demo $(if $(ONCE),--once) $(if $(PORT),--port $(PORT)) \
		$(if $(PUSH),--push-simulator)

parts:  ## Install the programs that the tests start, where they are missing.
	@.ci/parts

test: parts $(VENV)/.dev  ## Run the tests; ARGS=tests/push runs a part.
	env -u PYTHONDONTWRITEBYTECODE $(if $(SCRATCH),TMPDIR=$(SCRATCH)) SSL_CERT_FILE=/dev/null \
		$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),-n 2 --dist loadfile --no-loadscope-reorder)

check: lint types contracts test  ## Everything that CI runs.

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## Format the code and mend what can be mended.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

vectors: $(VENV)/.dev  ## Write the examples and tables of the documents anew; read the diff.
	DOCS_REWRITE=1 $(BIN)/python -m pytest -q tests/test_protocol.py tests/test_docs.py \
		tests/test_software_phone.py tests/test_phone_app_document.py \
		tests/test_workstation_document.py tests/independent
	git diff --stat docs README.md

vendor:  ## Compare what others wrote with where it came from (needs npm).
	@.ci/vendor

screenshots: parts $(VENV)/.dev  ## Take the pictures in docs/screenshots anew; look at them.
	$(BIN)/python -m pytest -q tests/browser/screenshots.py

bench: $(VENV)/.dev  ## Measure what logins, wake-ups and a large revocation list cost; PEER=directory of oidc-provider.
	$(BIN)/python bench/revocation.py
	$(BIN)/python -m bench.push
	$(BIN)/python -m bench.login_pages
	$(BIN)/python -m bench.admin_lost_phone
	$(BIN)/python -m bench.admin_overview
	$(BIN)/python -m bench.admin_pages
	$(BIN)/python -m bench.logins_country
	$(if $(PEER),BENCH_OIDC_PROVIDER=$(PEER)) $(BIN)/python -m bench.logins

lock:  ## Resolve the hashed locks anew (needs uv).
	uv pip compile pyproject.toml $(LOCK) --extra demo --group build -o requirements/run.txt
	uv pip compile pyproject.toml $(LOCK) --extra demo --extra desktop --group build --group dev -o requirements/dev.txt

clean:  ## Remove what was installed and made here.
	rm -rf $(VENV) build data *.egg-info tests/independent/node_modules

LOCK := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	--no-annotate --no-strip-extras --exclude-newer "1 week" -q

# Debian's python3 comes without ensurepip: there, the machine's own pip fills the environment.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' \
		|| { echo "This needs CPython 3.11 to 3.14; name one: make PYTHON=python3.13 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || $(PYTHON) -m venv --clear --without-pip $(VENV)

PIP = $$($(BIN)/python -m pip --version >/dev/null 2>&1 && echo "$(BIN)/python -m pip" \
	|| echo "$(PYTHON) -m pip --python $(BIN)/python")
INSTALL = $(PIP) install --quiet --disable-pip-version-check --no-input

$(VENV)/.run: requirements/run.txt pyproject.toml | $(BIN)/python
	$(INSTALL) --require-hashes -r requirements/run.txt
	$(INSTALL) --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	$(INSTALL) --require-hashes -r requirements/dev.txt
	$(INSTALL) --no-build-isolation --no-deps -e .
	@touch $@ $(VENV)/.run
