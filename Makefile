# Everything a person at the keyboard starts: `make` alone lists it.

SHELL := /bin/sh
.DEFAULT_GOAL := help
PY := .venv/bin/python
# 3.11 first: wheels of the embedded Redis and PostgreSQL exist for it.
PYTHONS := python3.11 python3 python3.12 python3.13 python3.14
CODE := manage.py project accounts tokens posting workers providers integrations sandbox deploy tests
# The tests whose outcome may depend on the database; they run again on PostgreSQL: who locks what,
# what is claimed by whom, what is counted. (Not the pages, nor what only meets networks and Redis.)
DATABASE_TESTS = $(wildcard \
	$(patsubst %,tests/tokens/test_%.py,connect disconnect limits refresh refresh_many renew rotate) \
	$(patsubst %,tests/posting/test_%.py,lock_order amend lateness compose drafts slots undo bulk \
	causes calendar threads states lists pace imports) \
	$(patsubst %,tests/workers/test_%.py,dispatch publish reconcile fairness notices mail outgoing) \
	$(patsubst %,tests/flows/test_%.py,one_post storm control))
# Two at a time (three on two cores are slower): stories of one file stay together.
# In our own order: left to itself xdist keeps the files with few stories, the longest, for the end.
PYTEST := $(PY) -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help demo test smoke chaos live bench test-bluesky test-oauth test-s3 test-browser album model css provider lint \
	format types \
	contracts tests \
	tests-sqlite tests-postgres lock docs clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r name does; do printf '  make %-14s %s\n' "$$name" "$$does"; done

demo: .venv/.ready-run ## start everything on this machine; Ctrl-C stops it
	@exec $(PY) -m deploy.demo

test: lint types contracts tests ## everything that must hold before a commit

smoke: .venv/.ready-run ## one post from the form to the networks and back; takes DATABASE_URL=…
	@$(if $(DATABASE_URL),DATABASE_URL='$(DATABASE_URL)' )$(PY) -m deploy.smoke

chaos: .venv/.ready-dev ## the storm: N=300 BROKER=rabbitmq DB=postgres SEED=1 NETWORKS=all HOSTS=2
	@N='$(N)' BROKER='$(BROKER)' DB='$(DB)' SEED='$(SEED)' CONTROL='$(CONTROL)' HOSTS='$(HOSTS)' \
		NETWORKS='$(NETWORKS)' \
		$(PY) -m tests.chaos

live: .venv/.ready-run ## try a real network with your key; asks before it posts: make live NETWORK=mastodon
	@$(PY) -m deploy.live '$(NETWORK)'

bench: .venv/.ready-dev ## measure: make bench WHAT=refresh (tests/bench/README.md says how)
	@$(PY) -m tests.bench.$(or $(WHAT),refresh)

test-bluesky: .venv/.ready-dev ## the Bluesky adapter against a server that nobody here wrote
	@$(PY) -m pytest -q -m real tests/real

test-oauth: .venv/.ready-dev ## the handling of keys against a server that nobody here wrote
	@$(PY) -m pytest -q -m real tests/oauth

test-browser: .venv/.ready-browser ## every screen in a real browser, by day and by night
	@$(PY) -m pytest -q -m browser tests/browser

album: .venv/.ready-browser ## put the screenshots of `make test-browser` into docs/pictures
	@$(PY) -m tests.browser.album

css: ## build the stylesheet of the pages (needs Node.js; the built one is committed)
	@$(PY) -m deploy.css

model: .venv/.ready-dev ## the delivery machine, walked through for every kind of network
	@$(PYTEST) -m 'long or not long' --dist worksteal tests/posting/test_delivery_model.py \
		tests/workers/test_every_delivery_ends.py

test-s3: .venv/.ready-dev ## files in a bucket, against an S3 that enforces what a ticket says
	@$(PY) -m tests.s3.server
	@$(PY) -m pytest -q -m real tests/s3

provider: .venv/.ready-dev ## begin a new network: make provider NAME=example
	@$(PY) -m deploy.new_provider '$(NAME)'

lint: .venv/.ready-dev ## style and mistakes (ruff)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

format: .venv/.ready-dev ## put the code into shape
	@$(PY) -m ruff check --fix --quiet . || true
	@$(PY) -m ruff format .

types: .venv/.ready-dev ## types (mypy, strict)
	@SECRET_KEY=types TOKEN_KEYS=types $(PY) -m mypy $(wildcard $(CODE))

contracts: .venv/.ready-dev ## who may import whom (import-linter)
	@.venv/bin/lint-imports

tests: tests-sqlite tests-postgres ## every test, on SQLite and where it matters on PostgreSQL

tests-sqlite: .venv/.ready-dev ## every test, on SQLite
	@$(PYTEST)

tests-postgres: .venv/.ready-dev ## the database tests, on a PostgreSQL of their own
	@$(if $(DATABASE_TESTS),$(PY) -m deploy.postgres_run -- $(PYTEST) $(DATABASE_TESTS))

lock: .venv/.ready-dev ## lock the dependencies with hashes (needs uv)
	@command -v uv >/dev/null || { echo 'make lock needs uv, which was not found on the PATH.'; exit 1; }
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
		--python-version 3.11 -o requirements/dev.txt requirements/dev.in
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
		--python-version 3.11 -c requirements/dev.txt -o requirements/run.txt requirements/run.in
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
		--python-version 3.11 -o tests/s3/requirements.txt tests/s3/requirements.in

docs: .venv/.ready-run ## write the generated pages of docs/ anew
	@$(PY) -m deploy.docs

clean: ## remove what the tools left behind; var/ (the demo's data) and .venv/ stay
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# --- first use: an environment of our own, filled from the locked lists -------------------------
.venv/bin/python:
	@set -e; \
	python=; \
	for one in $(PYTHONS); do \
		if $$one -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			python=$$one; break; \
		fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo 'Postrider needs Python 3.11 or newer, and none was found on the PATH.'; exit 1; \
	fi; \
	if $$python -c 'import ensurepip, venv' 2>/dev/null; then \
		$$python -m venv .venv; \
	elif $$python -c 'import pip, venv' 2>/dev/null; then \
		$$python -m venv --without-pip .venv; \
		$$python -m pip --python .venv/bin/python install --quiet pip; \
	else \
		echo 'Python cannot make an environment here: install the package python3-venv.'; exit 1; \
	fi

.venv/.ready-run: requirements/run.txt | .venv/bin/python
	@echo 'Installing what Postrider needs to run …'
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/.ready-dev: requirements/dev.txt requirements/run.txt | .venv/bin/python
	@echo 'Installing what the tests and checks need …'
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@ .venv/.ready-run

.venv/.ready-browser: requirements/browser.txt .venv/.ready-dev
	@echo 'Installing what drives the browser …'
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@if [ ! -x "$${CHROMIUM:-/usr/bin/chromium}" ]; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get install --yes --quiet chromium >/dev/null; \
		else \
			echo 'make test-browser needs chromium: install it, or name its place in CHROMIUM.'; exit 1; \
		fi; \
	fi
	@touch $@
