# imtrans on a machine with nothing but Python (3.10 to 3.13), a C++ compiler and a package registry.
# Every target makes the environment that it needs; nothing outside this folder is touched but caches.

VENV        ?= .venv
PYTHON      ?= python3
# Another build of torch: make demo TORCH_SPEC=torch==2.12.0 TORCH_INDEX=<address of a package index>
TORCH_SPEC  ?= torch==2.13.0
TORCH_INDEX ?=
# 1: no kernels, no installation. auto: install without them where they cannot be compiled. 0: never compile.
KERNELS     ?= 1
JOBS        ?= 2
PYTEST_ARGS ?=
BENCH_ARGS  ?=
DEMO_INPUT  ?= docs/pictures/demo-input.jpg
DEMO_OUTPUT ?= imtrans-output/demo.jpg
# For make weights and its kin: folders of pictures (those of PORTRAITS and FACES hold trainA, trainB, testA and testB), and
# where runs and prepared pairs go.
PORTRAITS   ?= portraits
FACES       ?= faces
PHOTOS      ?= photos
WEIGHTS_RUN ?= runs/weights

BIN   := $(VENV)/bin
PIP   := $(BIN)/python -m pip install --disable-pip-version-check
CSRC  := $(shell find csrc -name '*.cpp' -o -name '*.cu' -o -name '*.h' 2>/dev/null)
BUILD := setup.py pyproject.toml imtrans/ops/native/compile.py imtrans/ops/native/toolchain.py

# An environment is used again when a stamp says that it was finished, and it still runs, and was not moved.
HEALTHY := $(shell $(BIN)/python -c '' 2>/dev/null && grep -sqF '$(abspath $(VENV))' $(BIN)/activate && echo yes)
TORCH_STAMP := $(VENV)/.imtrans-torch
RUN_STAMP   := $(VENV)/.imtrans-run
DEV_STAMP   := $(VENV)/.imtrans-dev
BENCH_STAMP := $(VENV)/.imtrans-bench

ifneq ($(HEALTHY),yes)
$(shell rm -f $(VENV)/.imtrans-*)
endif

export IMTRANS_BUILD_KERNELS = $(KERNELS)

.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint format bench weights weights-outlines weights-smallshake weights-portraits64 env clean distclean
.DELETE_ON_ERROR:

help: ## show this list
	@echo "imtrans: make TARGET [VARIABLE=value ...]"
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 21
	@echo "Variables: VENV=$(VENV) PYTHON=$(PYTHON) TORCH_SPEC=$(TORCH_SPEC) TORCH_INDEX=$(TORCH_INDEX)"
	@echo "           PORTRAITS=$(PORTRAITS) FACES=$(FACES) PHOTOS=$(PHOTOS) WEIGHTS_RUN=$(WEIGHTS_RUN)"
	@echo "           KERNELS=$(KERNELS) JOBS=$(JOBS) PYTEST_ARGS=$(PYTEST_ARGS) BENCH_ARGS=$(BENCH_ARGS) DEMO_OUTPUT=$(DEMO_OUTPUT)"

demo: $(RUN_STAMP) ## install imtrans with its native kernels and translate a photograph
	$(BIN)/imtrans run cyclegan --input $(DEMO_INPUT) --output $(DEMO_OUTPUT)
	@echo
	@echo "The translated photograph: $(abspath $(DEMO_OUTPUT))"
	@echo "Try your own:  $(BIN)/imtrans run cyclegan --input PHOTO.jpg"

test: $(DEV_STAMP) ## run the test suite: 15 minutes on two cores
	$(BIN)/python -m pytest -n $(JOBS) -m "not exhaustive" $(PYTEST_ARGS)

test-all: $(DEV_STAMP) ## run the test suite, and what takes longest to show the same: other GPUs, torch.compile's own compiler
	$(BIN)/python -m pytest -n $(JOBS) $(PYTEST_ARGS)

lint: $(DEV_STAMP) ## check style, types, formatting of C++ and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run -Werror $(CSRC)
	$(BIN)/lint-imports

format: $(DEV_STAMP) ## rewrite Python and C++ in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CSRC)

bench: $(BENCH_STAMP) ## measure operators and networks on this machine and write docs/benchmarks.md (13 minutes)
	@for script in benchmarks/ops/*.py benchmarks/models/generator.py benchmarks/training/training.py; do \
	    echo "== $$script"; $(BIN)/python $$script $(BENCH_ARGS) || exit 1; done
	$(BIN)/python benchmarks/report.py

CYCLEGAN  := plugins/imtrans_cyclegan/weights
PIX2PIX   := plugins/imtrans_pix2pix
DEBLURGAN := plugins/imtrans_deblurgan
STYLEGAN2 := plugins/imtrans_stylegan2

weights: $(RUN_STAMP) ## train the shipped weights of CycleGAN again (48 minutes on one core; give PORTRAITS=folder)
	$(BIN)/imtrans train cyclegan --config $(CYCLEGAN)/portraits.toml --data $(PORTRAITS) --output $(WEIGHTS_RUN)/portraits \
	    --steps 4814 --set train.decay_from=1
	$(BIN)/imtrans train cyclegan --output $(WEIGHTS_RUN)/portraits --resume \
	    --steps 10000 --set train.decay_from=0.5 --set lambda_cycle=2
	$(BIN)/imtrans export $(WEIGHTS_RUN)/portraits --direction a2b --precision fp16 --force \
	    --output $(CYCLEGAN)/portrait2vintage.safetensors
	$(BIN)/imtrans export $(WEIGHTS_RUN)/portraits --direction b2a --precision fp16 --force \
	    --output $(CYCLEGAN)/vintage2portrait.safetensors

LONDON_SET := Face Research Lab London Set, DeBruine & Jones 2017, CC BY 4.0, doi 10.6084/m9.figshare.5047666
OUTLINED    = $(BIN)/imtrans prepare outlines --output $(WEIGHTS_RUN)/outlined --skip-existing

weights-outlines: $(RUN_STAMP) ## the same for pix2pix's outlines2face (39 minutes; FACES=folder, A neutral, B smiling)
	$(OUTLINED) $(FACES)/trainA --tag neutral
	$(OUTLINED) $(FACES)/trainB --tag smiling
	$(OUTLINED) $(FACES)/testA --tag neutral --split test
	$(OUTLINED) $(FACES)/testB --tag smiling --split test
	$(BIN)/imtrans train pix2pix --config $(PIX2PIX)/recipes/outlines.toml --data $(WEIGHTS_RUN)/outlined \
	    --output $(WEIGHTS_RUN)/outlines
	$(BIN)/imtrans export $(WEIGHTS_RUN)/outlines --precision fp16 --force --output $(PIX2PIX)/weights/outlines2face.safetensors \
	    --licence "CC BY 4.0; trained on the $(LONDON_SET)" --pictures "the neutral and the smiling picture of 93 people \
	and their outlines, 186 pairs: $(LONDON_SET), shrunk to 256 pixels"

weights-smallshake: $(RUN_STAMP) ## the same for DeblurGAN's smallshake (2 minutes on a core of its own; PHOTOS=folder)
	$(BIN)/imtrans prepare blur $(PHOTOS) --output $(WEIGHTS_RUN)/blurred --max-size 640 --length 12 \
	    --exposure 0.5 --exposure 1 --crop 160 --crops 12 --seed 1 --skip-existing
	$(BIN)/imtrans train deblurgan --config $(DEBLURGAN)/recipes/photos.toml --data $(WEIGHTS_RUN)/blurred \
	    --output $(WEIGHTS_RUN)/smallshake
	$(BIN)/imtrans export $(WEIGHTS_RUN)/smallshake --precision fp16 --force --output $(DEBLURGAN)/weights/smallshake.safetensors \
	    --licence "Apache-2.0; trained on photographs under CC0, see the README" --pictures "12 parts of each of 26 \
	photographs of budgie-backgrounds (CC0), blurred by imtrans prepare blur"

weights-portraits64: $(RUN_STAMP) ## the same for StyleGAN2's portraits64 (2 hours; PORTRAITS=folder)
	$(BIN)/imtrans train stylegan2 --config $(STYLEGAN2)/recipes/portraits64.toml --data $(PORTRAITS)/trainA \
	    --output $(WEIGHTS_RUN)/portraits64
	$(BIN)/imtrans export $(WEIGHTS_RUN)/portraits64 --precision fp16 --force --output $(STYLEGAN2)/weights/portraits64.safetensors \
	    --licence "Apache-2.0; trained on modern official portraits whose collection states no licence, see the README" --pictures "1,000 \
	modern colour portraits of voteview/member_photos, mostly official portraits of a government, 64 pixels a side"

env: $(DEV_STAMP) ## make the environment for development and stop there
	@echo "Activate it:  source $(BIN)/activate"

clean: ## remove what was built here, but not the environment
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f imtrans/_C.so imtrans/_C.json $(RUN_STAMP) $(DEV_STAMP) $(BENCH_STAMP)
	find imtrans plugins tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove the environment too
	rm -rf $(VENV)

# A .venv whose making was interrupted has no working pip: it is made anew.
$(TORCH_STAMP): Makefile
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info)' || { \
	    echo "imtrans needs Python 3.10 or later; name one: make PYTHON=python3.12" >&2; exit 1; }
	@[ "$(HEALTHY)" = yes ] && $(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	    echo "making the environment $(VENV)"; rm -rf $(VENV); $(PYTHON) -m venv $(VENV); } || { \
	    echo "python3 -m venv failed; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$(TORCH_SPEC)"
	$(PIP) "setuptools>=77"
	@touch $@

$(RUN_STAMP): $(TORCH_STAMP) $(BUILD) $(CSRC)
	$(PIP) --no-build-isolation --editable .
	@touch $@

$(DEV_STAMP): $(RUN_STAMP)
	$(PIP) --no-build-isolation --editable ".[dev]"
	@touch $@

$(BENCH_STAMP): $(RUN_STAMP)
	$(PIP) --no-build-isolation --editable ".[bench]"
	@touch $@
