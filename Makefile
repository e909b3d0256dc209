# One task runner: CI calls what a person calls.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test torture lint format bench versions toolkit lock demo-sound demo-model clean browser

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: setup
	$(BIN)/python demo/demo.py

# Tests of the report look at the page in a browser; everything else needs packages only.
browser:
	@command -v chromium >/dev/null || (apt-get update -qq && apt-get install -y -qq chromium) \
		|| echo "chromium could not be installed: the browser tests will say that they were skipped"

# In the order of the folders, so that the long nights of tests/batch come first.
test: setup browser
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder \
		--max-worker-restart 0

# Everything that a year of nights can do to a run, in the long form: an hour or two, figures at the
# end (docs/reliability.md).
torture: setup
	NIGHTSCRIBE_TORTURE=long $(BIN)/python -m pytest -v $(wildcard tests/torture tests/hostile)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The tests, and models exchanged, under the transformers of SageMaker's images.
versions: setup
	$(BIN)/python benchmarks/versions/check.py

# The bundle in the real Hugging Face toolkit: Java 17 and a gigabyte of packages for each version.
toolkit: setup
	$(BIN)/python -m benchmarks.toolkit.check

# What a claim of the docs rests on, printed. All of it takes hours; one is `make bench-joins`.
# gpu_speed, which needs a GPU, is asked for by name only.
BENCHMARKS := cpu_speed whole_run workers memory joins gate levelling channels beam greedy calibration \
	word_times scoring precision seq2seq front_end augmentation training_throughput intervals \
	report_page large_report scale shards year collecting night_on_paper

bench: $(BENCHMARKS:%=bench-%)

bench-%: setup
	$(BIN)/python -m benchmarks.$*

# The demo's sound made anew; needs flite (Debian: apt-get install flite).
demo-sound: setup
	$(BIN)/python -m demo.recipe.build

# Hours on two cores. The shipped weights came about as models/demo/README.md says.
demo-model: setup
	$(BIN)/python -m training.train --hyperparameters demo/recipe/base-model.json \
		--train demo/build/turns --validation demo/build/heldout \
		--output demo/build/base --checkpoints demo/build/checkpoints
	$(BIN)/python -m demo.recipe.release demo/build/base models/demo
	$(BIN)/python -m demo.recipe.confidence models/demo

lock: setup
	$(BIN)/python -m pip freeze --exclude nightscribe --exclude pip --exclude setuptools

clean:
	rm -rf $(VENV) demo/output demo/build
