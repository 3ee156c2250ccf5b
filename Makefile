# Everything a developer or CI runs. `make help` lists it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv
STAMP  := $(VENV)/.installed
LOCK   := requirements.lock
# Some build hosts mount the cache elsewhere; a copy always works.
export UV_LINK_MODE := copy
# Tests start hundreds of processes: none shall compile what it imports, also where the environment tells Python to keep nothing.
export UV_COMPILE_BYTECODE := 1
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install up console console-check pictures test ci lint types format build docs docs-check bench bench-files bench-large images images-check soak cluster-test release-rehearsal lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

install: $(STAMP)  ## install everything from the lock file into .venv

$(STAMP): $(LOCK) pyproject.toml tools/requirements-uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement tools/requirements-uv.txt
	$(UV) pip sync --quiet --require-hashes $(LOCK) tools/requirements-uv.txt
	$(UV) pip install --quiet --no-deps --editable .
	@touch $(STAMP)

up: $(STAMP)  ## run the whole platform on this machine: PostgreSQL, NATS, the workers, the API, a simulator
	@tools/console build || echo "web console: not built; all else runs" >&2
	@exec $(BIN)/sens up $(ARGS)

console:  ## build the web console into web-console/dist (Node 20.19 or newer)
	tools/console build

console-check: $(STAMP)  ## check the web console: style, types, unit tests, size, and its tasks in a browser
	tools/console check

pictures: $(STAMP)  ## take the pictures of docs/tour.md anew, in a browser, from a stack that runs
	tools/console pictures

test: $(STAMP)  ## run every test that this machine can
	tools/install-debian-packages mosquitto strace prometheus nginx docker-registry
	tools/install-helm
	$(BIN)/pytest -n 3 --dist worksteal

cluster-test: $(STAMP)  ## install, break, upgrade and remove the chart on the cluster of the current KUBECONFIG (docs/kubernetes.md)
	tools/install-helm
	SENS_CLUSTER_TEST=1 $(BIN)/pytest tests/cluster --maxfail 1 -vv $(ARGS)

release-rehearsal: $(STAMP)  ## releases on the cluster of the current KUBECONFIG, by its Argo CD (docs/gitops.md)
	tools/install-helm
	SENS_RELEASE_REHEARSAL=1 $(BIN)/pytest tests/rehearsal --maxfail 1 -vv $(ARGS)

ci: install lint types test console-check build docs-check  ## what CI runs

lint: $(STAMP)  ## style, formatting and the floors of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/hadolint infra/docker/Dockerfile
	$(BIN)/hadolint --ignore DL3008 tests/cluster/images/*/Dockerfile
	$(BIN)/zizmor --quiet --offline --no-progress .github
	tools/install-actionlint
	test ! -x $(BIN)/actionlint || $(BIN)/actionlint

types: $(STAMP)  ## pyright, strict
	$(BIN)/pyright

format: $(STAMP)  ## mend style and formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

build: $(STAMP)  ## build the wheel and check that it runs by itself
	tools/check-wheel

docs: $(STAMP)  ## make the reference pages, the site in site/ and the types of the console's client
	$(BIN)/python tools/make_reference.py
	tools/console types
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

docs-check: $(STAMP)  ## the site builds, and the reference pages are in the repository and say what the code says
	$(BIN)/python tools/make_reference.py --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

bench: $(STAMP)  ## measure speed and memory (under 8 minutes); writes bench/results/latest.json
	$(BIN)/python -m bench

bench-files: $(STAMP)  ## measure a month of 1,000 series into files and back, and the memory for it
	$(BIN)/python -m bench.files

bench-large: $(STAMP)  ## query times among 100M readings (minutes to load)
	$(BIN)/python -m bench.large

images: $(STAMP)  ## build the container images with docker buildx, podman or buildah (IMAGE_PREFIX, IMAGE_TAG, PUSH=1)
	$(BIN)/python tools/images.py build

images-check: $(STAMP)  ## build them twice, compare their layers, and look at what is in them
	$(BIN)/python tools/images.py check

soak: $(STAMP)  ## the long version of the fault tests: each fault at least 20 times
	SENS_SOAK=1 $(BIN)/pytest tests/system --timeout 7200

# Those of the images hold a part each of what the first one pins.
COMPILE = $(UV) pip compile --quiet --upgrade --universal --generate-hashes --no-header --python-version 3.11
lock:  ## renew the lock files from pyproject.toml
	$(COMPILE) --extra local --group dev --group docs --group wheels pyproject.toml --output-file $(LOCK)
	$(COMPILE) --constraint $(LOCK) pyproject.toml --output-file requirements-runtime.lock
	$(COMPILE) --constraint $(LOCK) --group docs --output-file requirements-docs.lock
	$(COMPILE) --constraint $(LOCK) --group wheels --output-file requirements-wheels.lock

clean:  ## remove what was installed and built (never .sens, where data lies)
	rm -rf $(VENV) dist site web-console/node_modules web-console/dist .pytest_cache .ruff_cache .import_linter_cache
