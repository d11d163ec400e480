# What does a contributor type? Each target first installs what it needs into .venv, once.
PYTHON ?= python3
# The name under which benchmark results are recorded, so that no host name gets into them.
MACHINE ?= ci
COMMITS ?= HEAD^!
EVERY ?= 8
# Of `make cuda` and `make wheels`: how long it may take; wheels that the environment of PYTHON lacks; cpu for a rehearsal;
# the other Python.
BUDGET ?= 8m
WHEELS ?=
DEVICE ?= cuda
PYTHON_VERSION ?= 3.12
# Where reports are written. What is committed under reports/ is written by `make reports`, or one alone by, for example,
# `make audit REPORT=reports`; else the checkout stays as it is. (What asv measures is recorded in reports/asv.)
REPORT ?= .corrbench/reports
# What the verifier may cost is measured against this revision: move it when it becomes dearer on purpose, and say why.
VERIFIER_BASE ?= 425acd3

BIN := .venv/bin
STAMP := .venv/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help verify test slow audit explained mutants bench changes follows gate history index peers somepeers fingerprints campaign machine performance score worth lint docs site reports clean cuda wheels

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 13

# torch goes first and alone: as another package's dependency pip may prefer a newer release of several gigabytes.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) torch
	$(PIP) -e '.[dev]'
	@touch $@

# A fixed seed: the recorded report changes only when the code does.
verify: $(STAMP) ## judge the reference, cross-check it with SciPy and PyTorch; writes correctness.md
	$(BIN)/corrbench verify --report $(REPORT) --seed 1

PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --durations=15

test: $(STAMP) ## run the tests, but for those that are slow by intent
	$(PYTEST) -m 'not slow'

slow: $(STAMP) ## run the tests that are slow by intent
	$(PYTEST) -m slow

# Interrupted, `corrbench audit` with the same options and --resume goes on. With other suites beside it a quarter of an
# hour longer: make audit RIVALS=--rivals. Which check finds what: make audit FULL='--profile quick --full'.
audit: $(STAMP) ## which mutants the suite catches, about 20 minutes; writes audit.md
	$(PIP) -e '.[dev,rivals]'
	OMP_NUM_THREADS=1 $(BIN)/corrbench audit --honest-profile quick --report $(REPORT) --seed 1 $(RIVALS) $(FULL)

# Interrupted, the same command with RESUME=--resume goes on; a part of it: SAMPLE='--sample 20'.
explained: $(STAMP) ## is what reports say of causes true, on every planted defect, an hour; writes explained.md
	OMP_NUM_THREADS=1 $(BIN)/corrbench audit --explained --report $(REPORT) --seed 1 $(SAMPLE) $(RESUME)

# The first breaks the oracle, the bounds and the comparison in every line, the second the checks where it is said.
mutants: $(STAMP) ## are the tests good enough: break corrbench, and see whether they notice; half an hour
	$(PIP) -e '.[dev,mutation]'
	OMP_NUM_THREADS=1 $(BIN)/mutmut run
	$(BIN)/python -m tests.support.mutants

lint: $(STAMP) ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Its own environment: mkdocs and nbconvert are needed for nothing else.
.venv-site/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-site
	.venv-site/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	.venv-site/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[site]'
	@touch $@

site: .venv-site/.installed ## the documentation as a site in .corrbench/site, which opens without network
	.venv-site/bin/python -m docs.site

docs: $(STAMP) ## write what the pages say of the code: API, classes of fault, counts
	$(BIN)/python -m docs.pages

# asv machine keeps only the fields that differ from the machine's own, which is what makes the record anonymous.
# Each measurement has a process of its own. Forking them from one that has imported torch saves minutes; it is safe
# because that process has started no threads (hence OMP_NUM_THREADS) and has not touched CUDA. CUDA itself does not
# survive a fork: there each process is spawned, and only what has cuda among its parameters or in its name is measured.
ASV := OMP_NUM_THREADS=1 $(BIN)/asv
ASV_RUN := $(ASV) run --machine $(MACHINE) \
	--launch-method $(if $(CUDA),spawn --bench '[cC]uda',forkserver)

machine: $(STAMP)
	@$(BIN)/asv machine --yes --machine $(MACHINE) --os "$$(uname -s)" \
		--cpu "$$(nproc) x $$(sed -n '/^model name/{s/.*: //p;q}' /proc/cpuinfo)" >/dev/null

bench: machine ## measure speed, memory, error and instructions of the last commit, and build the site in .asv/html
	$(ASV_RUN) '$(COMMITS)'
	$(BIN)/asv publish

# The same commits however many are added later, so that what is recorded is never measured again.
history: machine ## measure every eighth commit that has not been (EVERY=1: every one), and build the site
	git rev-list --first-parent --reverse main | awk 'NR % $(EVERY) == 1 % $(EVERY)' | \
		$(ASV_RUN) --skip-existing HASHFILE:-
	$(BIN)/asv publish

# A core for the targets and one for the judge: on a busy machine ratios hold, times do not.
performance: $(STAMP) ## time against kernel size: the reference, SciPy and PyTorch; two minutes; writes performance.md
	$(BIN)/corrbench bench reference.corr2d scipy.correlate2d scipy.fftconvolve torch \
		--suite kernels --seed 1 --report $(REPORT)

# Libraries that cannot live together have environments of their own; torch goes first here too.
PEERS := .venv-peers .venv-frameworks
EXTRAS_.venv-peers := peers
EXTRAS_.venv-frameworks := tensorflow,paddle
$(PEERS:=/.installed): %/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $*
	$*/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$*/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS_$*)]'
	@touch $@

# Interrupted, the same `corrbench peers` with --resume goes on.
peers: $(STAMP) $(PEERS:=/.installed) ## judge released libraries, about 20 minutes; writes conformance.md
	$(BIN)/corrbench peers $(PEERS:%=--python %/bin/python) --baselines corrbench/baselines --seed 1 --report $(REPORT) $(NAMES)

# Interrupted, the same command goes on. Two releases of a library beside each other, each in an environment of its own that
# has corrbench: PAIRS='--pair opencv.filter2D OLD/bin/python NEW/bin/python'.
fingerprints: $(STAMP) .venv-peers/.installed ## in what order released libraries sum, half an hour; writes fingerprints.md and .html
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.fingerprints --python .venv-peers/bin/python --report $(REPORT) $(PAIRS) $(NAMES)

# The libraries that install in two minutes, on fewer questions. A finding that is not known is news of a library on this
# processor and no fault of a commit: it is shown, and only what cannot be judged (2) fails.
somepeers: $(STAMP) .venv-peers/.installed
	OMP_NUM_THREADS=1 $(BIN)/corrbench peers --python .venv-peers/bin/python --baselines corrbench/baselines --seed 1 \
		--check values --suite sample --limit 30 --no-speed --no-fingerprint || [ $$? -eq 1 ]

# Half an hour each; interrupted, the same `corrbench campaign` with --resume goes on.
LIBRARIES ?= torch scipy.correlate2d numpy.einsum onnxruntime opencv.dnn openvino.f32 jax mlx ncnn kornia.filter2d
FOR ?= 30m
campaign: $(STAMP) .venv-peers/.installed ## search released libraries with random cases, half an hour each; writes campaign.md
	OMP_NUM_THREADS=1 $(BIN)/corrbench campaign $(LIBRARIES) --python .venv-peers/bin/python --for $(FOR) \
		--corpus .corrbench/corpus --report $(REPORT) || [ $$? -eq 1 ]

gate: $(STAMP) ## has the verifier itself become dearer, in instructions, than it was at VERIFIER_BASE?
	$(BIN)/python -m benchmarks.verifier_gate --base $(VERIFIER_BASE)

# Interrupted, the same command goes on.
score: $(STAMP) ## how often the gate errs, beside asv and pytest-benchmark, about an hour; writes gate.md
	$(BIN)/python -m benchmarks.gate_score --report $(REPORT)

# Interrupted, the same command goes on; a part alone: ARGS='--part mutants --sample 0'.
worth: $(STAMP) ## what a pass is worth: trigger faults, certificates, mutants; about an hour; writes worth.md
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.worth --report $(REPORT) $(ARGS)

# otava pins an old numpy, hence an environment of its own.
.venv-otava/bin/otava:
	$(PYTHON) -m venv .venv-otava
	.venv-otava/bin/python -m pip install --quiet --disable-pip-version-check apache-otava==0.8.0

# On a borrowed machine: nothing is installed there, and nothing of .venv is needed.
cuda: ## all that needs a CUDA device, in 8 minutes, with the torch of PYTHON as it is; a folder and an archive
	$(PYTHON) -m benchmarks.cuda --python $(PYTHON) --report $(REPORT)/cuda --budget $(BUDGET) --device $(DEVICE) \
		$(if $(WHEELS),--wheels $(WHEELS))

wheels: $(STAMP) ## collect in .wheels what corrbench needs beside torch, NumPy and SciPy, for PYTHON_VERSION
	$(BIN)/python -m benchmarks.cuda.wheels --python-version $(PYTHON_VERSION) .wheels

changes: $(STAMP) .venv-otava/bin/otava ## from which commits on do the results of asv have another level?
	$(BIN)/corrbench history

reports: ## regenerate everything under reports/, and nothing else does
	$(MAKE) verify audit bench performance peers fingerprints score worth REPORT=reports
	$(MAKE) index

index: $(STAMP) ## write the index of the reports from what they say
	$(BIN)/python -m benchmarks.report_index

# Figures may differ from processor to processor, and times do; what was asked, what came of it and every word may not.
FIGURES := sed -E -e '/^\#\# Environment/,$$d' -e 's/(\.\.\/)+//g' -e 's/[0-9]+\.[0-9]+(e[-+]?[0-9]+)?//g'
follows: verify ## does the committed correctness report follow from the code?
	@git show HEAD:reports/correctness.md | $(FIGURES) >.corrbench/recorded.md
	@$(FIGURES) $(REPORT)/correctness.md | diff .corrbench/recorded.md - || { echo "reports/correctness.md no longer \
follows from the code: look at what changed, and commit what 'make verify index REPORT=reports' writes" >&2; exit 1; }

clean: ## forget the environment and what was built
	rm -rf .venv .venv-otava .venv-site $(PEERS) .asv build dist *.egg-info
