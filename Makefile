# Two commands do all the set-up on a fresh machine with Rust, Python >= 3.11 with pip, make and a C/C++ compiler:
#   make demo   builds, installs into .venv, fetches the default model, and lets it edit a sample repository
#   make test   builds and runs every test, the ones on the real model included
# Others: make lint, make deny, make bench, make torture (an hour; see docs/lab/torture.md), make wheel, make clean.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.PHONY: demo test lint deny wheel bench torture install rust-test python-test test-model help clean

PYTHON ?= python3
VENV ?= .venv
CARGO ?= cargo
MODEL ?= qwen2.5-coder-0.5b-instruct
ONNXRUNTIME ?= onnxruntime>=1.32,<2
TARGET := $(or $(CARGO_TARGET_DIR),target)
DEMO_DIR ?= demo

bin := $(VENV)/bin
# A line for each test that was skipped: DEEPCODER_TEST_STRICT=1 makes them failures, but for those in tests/skips.txt.
skips := $(abspath $(TARGET))/skipped-tests.txt
export DEEPCODER_TEST_SKIPS := $(skips)
say = @printf '\033[1m== %s\033[0m\n' "$(1)"
# The library inside the wheel that the virtual environment holds; deepcoder finds it by itself, tests are told.
ort = $(shell ls $(CURDIR)/$(VENV)/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.* $(CURDIR)/$(VENV)/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.*.dylib 2>/dev/null | grep -v providers | head -n 1)

help:
	@sed -n '1,4p' Makefile | cut -c3-

$(bin)/python:
	$(call say,creating $(VENV))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: deepcoder needs Python 3.11 or newer; hint: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(bin)/python
	$(call say,installing ONNX Runtime)
	$(bin)/python -m pip install --quiet --disable-pip-version-check '$(ONNXRUNTIME)'
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime python/pyproject.toml
	$(call say,installing what building and testing need)
	$(bin)/python -m pip install --quiet --disable-pip-version-check 'maturin>=1.9,<2' 'wheel>=0.45,<1' 'pytest>=8,<10' 'pytest-timeout>=2,<3' 'mypy>=1.15,<3' 'ipython>=8,<10'
	@touch $@

# --- install and demo -------------------------------------------------------------------------------------------

# One cargo call builds the command and the extension, so that no crate is compiled twice: maturin's own call has other
# features and another environment. Of maturin this takes the metadata, and `wheel` packs. The wheel is for this machine.
wheel: $(VENV)/.dev
	$(call say,building deepcoder (release; a few minutes the first time))
	$(CARGO) build --release --locked -p deepcoder-cli -p deepcoder-python
	$(bin)/python python/licences.py python/licenses
	rm -rf $(TARGET)/wheels $(TARGET)/wheel
	mkdir -p $(TARGET)/wheels $(TARGET)/wheel/deepcoder
	PATH="$(CURDIR)/$(bin):$$PATH" $(bin)/maturin pep517 write-dist-info --locked --compatibility linux --auditwheel skip \
	  -m python/Cargo.toml -i $(CURDIR)/$(bin)/python --metadata-directory $(TARGET)/wheel >/dev/null
	cp python/deepcoder/*.py python/deepcoder/*.pyi python/deepcoder/py.typed $(TARGET)/wheel/deepcoder
	cp $(TARGET)/release/lib_core.so $(TARGET)/wheel/deepcoder/_core.abi3.so 2>/dev/null || cp $(TARGET)/release/lib_core.dylib $(TARGET)/wheel/deepcoder/_core.abi3.so
	info=$$(basename $(TARGET)/wheel/*.dist-info) && data=$(TARGET)/wheel/$${info%.dist-info}.data/scripts && mkdir -p $$data && cp $(TARGET)/release/deepcoder $$data
	$(bin)/python -m wheel pack --dest-dir $(TARGET)/wheels $(TARGET)/wheel >/dev/null

install: wheel
	$(call say,installing it into $(VENV))
	$(bin)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps $(TARGET)/wheels/deepcoder-*.whl

demo: install
	$(call say,fetching the model $(MODEL) if it is not there yet)
	$(bin)/deepcoder pull $(MODEL)
	$(call say,an instructed edit of a sample repository in $(DEMO_DIR)/)
	rm -rf $(DEMO_DIR)
	$(bin)/deepcoder demo --dir $(DEMO_DIR) --model $(MODEL)

# --- tests ------------------------------------------------------------------------------------------------------

test: rust-test python-test
	@if [ -s '$(skips)' ]; then printf '\033[1m== skipped tests\033[0m\n'; sort '$(skips)'; fi
	$(call say,all tests passed)

# The dev profile: the command and the extension are built with the tests, so nothing is built twice.
rust-build: $(VENV)/.dev
	$(call say,building (dev profile))
	$(CARGO) build --locked --workspace --all-targets

test-model: rust-build
	$(call say,fetching the model $(MODEL) if it is not there yet)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(TARGET)/debug/deepcoder pull $(MODEL)

rust-test: test-model
	$(call say,Rust tests)
	@rm -f '$(skips)'
	export DEEPCODER_TEST_ORT='$(ort)' VIRTUAL_ENV='$(CURDIR)/$(VENV)'; \
	export DEEPCODER_TEST_MODEL="$$($(TARGET)/debug/deepcoder models show $(MODEL) --json | $(bin)/python -c 'import json, sys; print(json.load(sys.stdin)["path"])')"; \
	if $(CARGO) nextest --version >/dev/null 2>&1; then $(CARGO) nextest run --locked --workspace --no-fail-fast; \
	else $(CARGO) test --locked --workspace --no-fail-fast; fi

# The extension of the dev build is put beside the package; `pip install` of a wheel is what `make demo` tries.
python-test: test-model
	$(call say,Python tests)
	cp $(TARGET)/debug/lib_core.so python/deepcoder/_core.abi3.so 2>/dev/null || cp $(TARGET)/debug/lib_core.dylib python/deepcoder/_core.abi3.so
	cd python && VIRTUAL_ENV='$(CURDIR)/$(VENV)' PATH="$(CURDIR)/$(bin):$$PATH" DEEPCODER_TEST_COMMAND='$(abspath $(TARGET))/debug/deepcoder' $(CURDIR)/$(bin)/python -m pytest -q tests
	$(call say,the recipe in python/train; what trains needs torch and is skipped without it)
	cd python && VIRTUAL_ENV='$(CURDIR)/$(VENV)' DEEPCODER_TEST_COMMAND='$(abspath $(TARGET))/debug/deepcoder' $(if $(TRAIN_PYTHON),$(TRAIN_PYTHON),$(CURDIR)/$(bin)/python) -m pytest -q train/tests
	cd python && $(CURDIR)/$(bin)/python -m mypy --strict deepcoder tests/typing_ok.py && $(CURDIR)/$(bin)/python -m mypy.stubtest deepcoder._core --ignore-disjoint-bases

# The full numbers; ROUNDS=100 is a run of minutes. The dev profile, whose arithmetic is checked.
torture:
	$(CARGO) build --locked -p deepcoder-torture -p deepcoder-cli
	$(TARGET)/debug/torture all $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))

lint:
	$(CARGO) fmt --all --check
	rustfmt --edition 2024 --check core/syntax/languages/*/*.rs
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

# Known vulnerabilities, licences, sources and banned crates of every dependency.
deny:
	@$(CARGO) deny --version >/dev/null 2>&1 || { echo "error: cargo-deny is not installed; hint: cargo install --locked cargo-deny"; exit 2; }
	$(CARGO) deny --locked check advisories bans licenses sources

bench: install
	$(bin)/deepcoder bench --model $(MODEL)

clean:
	rm -rf $(VENV) $(DEMO_DIR) python/deepcoder.data python/licenses python/deepcoder/_core.abi3.so
	$(CARGO) clean
