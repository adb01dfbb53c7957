# The text after ## describes a target. Everything is installed into .venv and frontend/node_modules.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup agents peers run test test-long test-lowest bench storm overload soak fuzz attack containers rolling desktop installers lint types test-frontend page dist docs docs-build docs-serve clean

run: setup page  ## start the whole system on this machine and print the address of the page
	@$(BIN)/nova up

test: setup  ## run all checks and tests, and list the failures at the end; PARTS="lint unit" for some, PARTS=all in CI
	@$(BIN)/python tests/run.py $(PARTS)

test-long: setup  ## repeat the tests that take a sample in `make test`, with everything, about a quarter of an hour
	NOVA_TEST_WHOLE=1 $(BIN)/python -m pytest tests/e2e/models/test_accuracy.py tests/e2e/models/test_recognizer.py \
	  tests/e2e/models/test_stability.py

# Also run by `make test PARTS=all`, as in CI. In addition to the unit and contract tests, a real system refuses and serves
# sessions. The tests of WebSocket paths are left out, because starlette's test client requires newer packages. So are
# those of the session, of the containers and of the guards: their modules use only numpy, and pydantic through the
# messages, whose own tests run.
test-lowest: .venv-lowest/.ready  ## run tests with the lowest versions that pyproject.toml allows
	.venv-lowest/bin/python -m pytest -n auto --dist loadfile --hypothesis-profile lowest \
	  tests/e2e/test_load.py tests/e2e/test_refusals.py tests/integration/test_client.py tests/integration/test_sync_client.py \
	  tests/contract tests/unit $(addprefix --ignore tests/unit/,bench chaos docs lint testkit test_run.py gateway/http/test_unknown_paths.py \
	    gateway/session gateway/audio/containers stt_worker/guards)

# The test tools keep their pinned versions, except for those that require newer packages than the floors.
LOWEST_TOOLS := pytest pytest-asyncio pytest-timeout pytest-xdist hypothesis jiwer wyoming babel

.venv-lowest/.ready: pyproject.toml constraints.txt infra/lowest_versions.py
	@$(PYTHON) -m venv .venv-lowest
	@$(PYTHON) infra/lowest_versions.py > .venv-lowest/lowest.txt
	@grep -E '^($(subst $() $(),|,$(LOWEST_TOOLS)))==' constraints.txt > .venv-lowest/tools.txt
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check --constraint .venv-lowest/lowest.txt \
	  --requirement .venv-lowest/tools.txt --editable '.[all,nats,onnx,tracing,wyoming]' pyyaml onnx babel
	@touch $@

agents: .venv-agents/.ready  ## install LiveKit Agents and Pipecat, with which tests/e2e/apis/test_agent_frameworks.py tries the gateway

.venv-agents/.ready: tests/testkit/frameworks/requirements.txt
	@$(PYTHON) -m venv .venv-agents
	.venv-agents/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

peers: .venv-peers/.ready  ## install WhisperLive and RealtimeSTT, with which python -m tests.bench.peers compares this system

.venv-peers/.ready: tests/bench/peers/requirements.txt tests/bench/peers/packages.txt
	@$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement tests/bench/peers/packages.txt
	@touch $@

bench: setup  ## run all benchmarks, about a quarter of an hour; OPTIONS="--capacity" adds the capacity search
	$(BIN)/python -m tests.bench.all $(OPTIONS)

storm: setup  ## kill processes while sessions speak, and check all finals; OPTIONS="--minutes 30 --redis cluster"
	$(BIN)/python -m tests.chaos.storm $(OPTIONS)

overload: setup  ## offer twice the speech that a worker can serve, and measure admission and latency
	$(BIN)/python -m tests.chaos.overload $(OPTIONS)

soak: setup  ## run for half an hour and check for leaks
	$(BIN)/python -m tests.chaos.soak $(OPTIONS)

fuzz: setup  ## attack a gateway with hostile clients, for SECONDS (600)
	$(BIN)/python -m tests.chaos.fuzz --seconds $(or $(SECONDS),600) --seed $(or $(SEED),0)

attack: setup  ## attack a gateway with single connections, and measure what another session notices
	$(BIN)/python -m tests.chaos.attack $(OPTIONS)

containers:  ## build the container images; ENGINE=podman, OPTIONS="--build-arg COMPUTE=cuda"
	for service in gateway stt_worker translation_worker; do \
	  BUILDAH_FORMAT=docker $(or $(ENGINE),docker) build --file infra/Containerfile --target $$service \
	    --tag nova-voice/$$service $(OPTIONS) . || exit 1; done

rolling: setup  ## restart every container while sessions speak, and check all finals; OPTIONS="--model null --minutes 3"
	$(BIN)/python -m tests.chaos.rolling $(OPTIONS)

setup: .venv/.ready  ## create the Python environment

.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is required, found $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python cannot create a virtual environment. Install the package python3-venv"; exit 1; }
	@echo "Installing the Python packages. This takes a minute or more."
	@$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

page: frontend/dist/index.html  ## build the page

frontend/dist/index.html: frontend/package.json frontend/package-lock.json frontend/index.html $(shell find frontend/src frontend/client/src -type f 2>/dev/null)
	@if command -v npm >/dev/null; then echo "Building the page." && cd frontend && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build; \
	 else echo "Node.js 20 or later is not installed. Everything except the page works. Install Node.js and run make page."; fi

dist: setup page  ## build all packages of a release in dist: wheel with the page, source package, JavaScript client, SBOM
	@command -v npm >/dev/null || { echo "Building the packages requires Node.js 20 or later. Installing them does not."; exit 1; }
	rm -rf dist build frontend/client/dist && $(BIN)/python -m build --outdir dist .
	cd frontend/client && npm pack --silent --pack-destination "$(CURDIR)/dist"
	cp constraints.txt dist
	$(BIN)/python infra/sbom.py dist
	$(BIN)/python infra/checksums.py dist

desktop: setup page  ## run the desktop client from source
	@command -v npm >/dev/null || { echo "The desktop client requires Node.js 20 or later."; exit 1; }
	@cd frontend && npm run --silent shell && node scripts/install-electron.mjs && PATH="$(CURDIR)/$(BIN):$$PATH" npx electron .

installers: page  ## build installers of the desktop client in frontend/release; HOMEPAGE=https://... (required for .deb)
	@cd frontend && npm run --silent shell && npx --yes electron-builder@26.17.0 --config electron-builder.yml --publish never \
	  $(if $(HOMEPAGE),-c.extraMetadata.homepage=$(HOMEPAGE))

lint: setup  ## check style, import rules and prose
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports && $(BIN)/python -m tests.lint.prose
	@if command -v npm >/dev/null; then cd frontend && npm run --silent lint; fi

test-frontend:  ## run the unit tests of the frontend
	@if command -v npm >/dev/null; then cd frontend && npm run --silent test; fi

types: setup  ## check types with mypy --strict
	$(BIN)/mypy

docs: setup  ## update the generated reference pages
	$(BIN)/python docs/generate.py

docs-build: setup  ## build the documentation site in artifacts/site; broken links and orphan pages are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs-serve: setup  ## show the documentation at http://127.0.0.1:8000, rebuilt after every change
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

clean:  ## delete environments, builds and artifacts
	rm -rf .venv .venv-lowest .venv-agents .venv-peers frontend/node_modules frontend/dist frontend/dist-shell frontend/release dist artifacts
