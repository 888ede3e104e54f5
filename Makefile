# README.md describes the targets. STACK=fork make up runs another stack.
STACK ?= dev
# A local stack is deployed without asking; of any other, pulumi shows a preview first and asks.
FLAGS ?= $(if $(filter dev fork,$(STACK)),--yes --skip-preview)
PYTHON ?= python3

run := STACK=$(STACK) tools/pulumi.sh
venv := .venv/bin/python
# Two tests at a time; tests of one group (tests/conftest.py) run one after the other.
pytest := $(venv) -m pytest tests --numprocesses=2 --dist=loadgroup --no-loadscope-reorder

.PHONY: up down preview status doctor kubectl rotate-ca test prove check render bench clean uninstall

# Messages of these targets name pulumi commands: with this variable they use the same CLI and backend as the target.
up down preview status doctor kubectl rotate-ca: export KARMADA_ANP_TYPED = STACK=$(STACK) tools/pulumi.sh

# The local stacks build images: without an engine that is said before anything is downloaded.
.PHONY: engine
engine:
	@[ -z "$(filter dev fork,$(STACK))" ] || docker version >/dev/null 2>&1 || \
	  { echo "There is no Docker engine that answers: install and start one; \`docker version\` tells more" >&2; exit 1; }

up: engine .venv/requirements.lock
	@[ "$(STACK)" != dev ] || tools/local-karmada.sh up
	@$(run) up $(FLAGS)

down: .venv/requirements.lock
	@$(run) destroy $(FLAGS) --continue-on-error

preview: .venv/requirements.lock
	@$(run) preview --diff

status: .venv/requirements.lock
	@$(run) stack output
	@STACK=$(STACK) $(venv) -m checks.status

doctor: .venv/requirements.lock
	@STACK=$(STACK) $(venv) -m checks.doctor $(ARGS)

kubectl: .venv/requirements.lock
	@STACK=$(STACK) $(venv) -m tools.kubectl $(if $(MEMBER),$(MEMBER),"") $(ARGS)

rotate-ca: .venv/requirements.lock
	@STACK=$(STACK) $(venv) -m tools.rotate_ca $(ARGS)

test: .venv/requirements-dev.lock
	@$(pytest) -m "not long" --proof=rendered/test.md

prove: .venv/requirements-dev.lock
	@$(pytest) -m long --proof=rendered/prove.md

check: .venv/requirements-dev.lock
	@$(venv) -m ruff format --check .
	@$(venv) -m ruff check .
	@$(venv) -m pyright

render: .venv/requirements-dev.lock
	@$(venv) -m tools.render $(STACK)

bench: .venv/requirements.lock
	@PATH="$$PATH:$(CURDIR)/.tools/pulumi/bin" $(venv) -m tools.bench

# A virtual environment is up to date with a requirements file when it holds an identical copy of it.
.venv/%.lock: %.lock requirements.lock
	@$(venv) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo "install Python 3.11 or later with its venv module" >&2; exit 1; }
	@$(venv) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $< || \
	  { echo "pip could not install $<: see above; what it needs is on PyPI" >&2; exit 1; }
	@cp requirements.lock .venv/ && cp $< .venv/

# Whatever `make up` has made of a local trial, the local Karmada too if it has made that.
uninstall: .venv/requirements.lock
	@$(run) config >/dev/null # a stack that was never made is an empty one
	@$(MAKE) --no-print-directory down
	@$(run) stack rm --yes --preserve-config
	@STACK=$(STACK) tools/uninstall.sh
	@$(MAKE) --no-print-directory clean

clean:
	rm -rf .venv .tools .sources rendered .pytest_cache .ruff_cache
