# Each target is one line of meaning; everything happens in .venv and frontend/node_modules.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup run test bench storm overload soak fuzz containers rolling desktop installers lint types page docs clean

run: setup page  ## start everything here, then open the page it prints and speak
	@$(BIN)/nova up

# Below e2e the tests share the cores; above, latencies are measured and processes killed, and each is alone.
test: setup page lint types  ## every check and test
	$(BIN)/python -m pytest -n auto --dist loadfile tests/unit tests/contract tests/integration tests/infra
	$(BIN)/python -m pytest tests/e2e

bench: setup  ## what everything costs on this machine, in about ten minutes; OPTIONS="--capacity" for longer
	$(BIN)/python -m tests.bench.all $(OPTIONS)

storm: setup  ## kill -9 processes while sessions speak, and count; OPTIONS="--minutes 30 --redis cluster"
	$(BIN)/python -m tests.testkit.storm $(OPTIONS)

overload: setup  ## offer twice the speech that a worker can serve: who is let in, and how long finals take
	$(BIN)/python -m tests.testkit.overload $(OPTIONS)

soak: setup  ## half an hour of steady use: nothing may grow
	$(BIN)/python -m tests.testkit.soak $(OPTIONS)

fuzz: setup  ## let bad clients at a gateway, for SECONDS (600)
	$(BIN)/python -m tests.testkit.fuzz --seconds $(or $(SECONDS),600) --seed $(or $(SEED),0)

containers:  ## build the three images; ENGINE=podman, OPTIONS="--build-arg COMPUTE=cuda"
	for service in gateway stt_worker translation_worker; do \
	  BUILDAH_FORMAT=docker $(or $(ENGINE),docker) build --file infra/Containerfile --target $$service \
	    --tag nova-voice/$$service $(OPTIONS) . || exit 1; done

rolling: setup  ## restart every container while sessions speak, and count; OPTIONS="--model null --minutes 3"
	$(BIN)/python -m tests.testkit.rolling $(OPTIONS)

setup: .venv/.ready  ## make the Python environment

.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python cannot make a virtual environment here: install the package python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

page: frontend/dist/index.html  ## build the page

frontend/dist/index.html: frontend/package.json frontend/package-lock.json frontend/index.html $(shell find frontend/src frontend/client/src -type f 2>/dev/null)
	@if command -v npm >/dev/null; then cd frontend && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build; \
	 else echo "Node.js 20 or later is not installed: everything but the page works. Install it and run make page."; fi

desktop: setup page  ## run the desktop client from source
	@cd frontend && npm run --silent shell && node node_modules/electron/install.js && PATH="$(CURDIR)/$(BIN):$$PATH" npx electron .

installers: page  ## the desktop client's packages for this platform, in frontend/release; HOMEPAGE=https://... for a .deb
	@cd frontend && npm run --silent shell && npx --yes electron-builder@26.17.0 --config electron-builder.yml --publish never \
	  $(if $(HOMEPAGE),-c.extraMetadata.homepage=$(HOMEPAGE))

lint: setup  ## style and architecture
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports
	@if command -v npm >/dev/null; then cd frontend && npm run --silent lint && npm run --silent test; fi

types: setup  ## mypy --strict
	$(BIN)/mypy

docs: setup  ## write the generated references anew
	$(BIN)/python docs/generate.py

clean:  ## forget what was made here
	rm -rf .venv frontend/node_modules frontend/dist frontend/dist-shell frontend/release artifacts
