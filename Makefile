# Rencheng 韧城. `make run` and `make test` need nothing done by hand before them.
.PHONY: setup check test run bench stress lock docs clean

PY := .venv/bin/python

setup: ## Python environment, console build, what they need from the system
	@scripts/setup.sh

check: setup ## lint, format, types, import layers, generated docs, console types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PY) scripts/docs.py --check
	cd console && npm run --silent check

test: setup ## the whole test suite
	@scripts/system.sh browser
	@scripts/system.sh broker
	@scripts/spark.sh
	$(PY) -m pytest -n 2 --dist loadfile

run: setup ## grow the sandbox city (cached), open the page, play a rainstorm rehearsal
	$(PY) -m rencheng run --demo

bench: setup ## measure against peers; writes docs/benchmarks.md
	$(PY) -m benchmarks

stress: setup ## short loads beside their peers, held to benchmarks/stress-baseline.json
	$(PY) -m benchmarks.stress

lock: ## pin every dependency again
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --group dev pyproject.toml -o requirements/dev.lock
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --group spark -o requirements/spark.lock

docs: setup ## regenerate the generated parts of docs/
	$(PY) scripts/docs.py

clean: ## remove what setup and runs made
	rm -rf .venv .cache console/node_modules src/rencheng/web/static
