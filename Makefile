# One command each; every target sets up what it needs.
.PHONY: demo run test check bench scale fuzz torture screenshots lock clean
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

demo: .venv/.installed ## see it work: a small web of feeds, polled, mailed and published
	$(BIN)/tidings demo

run: .venv/.installed ## start the operator's own service
	$(BIN)/tidings run

test: .venv/.installed-dev ## all tests
	$(BIN)/python -m pytest

check: .venv/.installed-dev ## format, lint, types, imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.installed-dev ## benchmarks, each a table
	-@$(PIP) install -q --group bench # without it, what peers do is left out
	$(BIN)/python bench/polling.py
	$(BIN)/python bench/hazards.py
	$(BIN)/python bench/publishing.py
	$(BIN)/python bench/web.py
	$(BIN)/python bench/feeds.py
	$(BIN)/python bench/articles.py
	$(BIN)/python bench/stories.py
	$(BIN)/python bench/search.py
	$(BIN)/python bench/letters.py
	$(BIN)/python bench/newsletter.py
	$(BIN)/python bench/sending.py
	$(BIN)/python bench/workers.py

scale: .venv/.installed-dev ## a million sources and a million subscribers: a quarter of an hour, 10 GB
	$(BIN)/python bench/scale.py

fuzz: .venv/.installed-dev ## look for input that breaks a promise, for less than five minutes
	$(BIN)/python -m pytest --hypothesis-profile=fuzz tests/fuzz

torture: .venv/.installed-dev ## kill services 300 times on each database and roles 100 times, live through a year of letters: half an hour
	$(BIN)/python tests/torture

screenshots: .venv/.installed-dev ## the pictures of pages in docs/images, anew (needs Chromium)
	$(BIN)/python tests/browser/screenshots.py docs/images

lock: ## pin the dependencies again (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --extra channels --extra cluster --extra fonts --extra postgres --extra text -o requirements.lock pyproject.toml
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --extra channels --extra cluster --extra fonts --extra postgres --extra text --group dev -c requirements.lock -o requirements-dev.lock pyproject.toml

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tidings needs Python 3.11 or newer; set PYTHON=python3.11")'
	@echo "making .venv"
	@$(PYTHON) -m venv .venv

.venv/.installed: requirements.lock pyproject.toml | .venv/bin/python
	@echo "installing what tidings needs into .venv, at the first time only: half a minute or so"
	@$(PIP) install -q --require-hashes -r requirements.lock
	@$(PIP) install -q --no-deps -e .
	@touch $@

.venv/.installed-dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	@echo "installing what tidings and its tests need into .venv: a minute or so"
	@$(PIP) install -q --require-hashes -r requirements-dev.lock
	@$(PIP) install -q --no-deps -e .
	@touch $@ .venv/.installed
