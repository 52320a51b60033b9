# The commands of this project. README.md says which two a newcomer needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# Two cores are enough for everything here.
JOBS ?= 2
# How tests, and what is built beside them, are compiled.
TESTS := --config tests/cargo.toml
export CARGO_TERM_COLOR ?= auto

.PHONY: toolchain help demo demo-kind test browser pictures habits e2e e2e-all bench bench-quick bench-hostile bench-agent bench-decide bench-demand bench-pod arm64 explore replay mutants lint fmt crds image clean

help: ## list the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/; s/[$$]+/$$/' | expand -t 12

# The pinned compiler with its components and targets; does nothing where they are there.
toolchain:
	@! command -v rustup >/dev/null || RUSTUP_AUTO_INSTALL=0 rustup -q which rustc >/dev/null 2>&1 || echo "installs the pinned Rust toolchain (once, about a minute)" >&2
	@! command -v rustup >/dev/null || rustup -q toolchain install --no-self-update

demo: toolchain ## the main job on this machine: cluster, autoscaler, a workflow, a live timeline; pods are processes
	@tests/demo/demo.sh

demo-kind: toolchain ## the same on kind: chart, containers
	@tests/demo/kind.sh

test: lint ## all tests that need no Kubernetes cluster, and the end-to-end tests that need no containers
	JOBS=$(JOBS) tests/workspace.sh
	tests/local.sh

browser: toolchain ## the demo and JupyterLab in a headless browser
	@tests/browser/run.sh

pictures: toolchain ## the same, and the README's pictures anew
	@tests/browser/run.sh docs/pictures

habits: toolchain ## what users do with workers, under three nannies and with four releases of Dask
	cargo test $(TESTS) -p dask-agent --test habits --jobs $(JOBS) -- --include-ignored --test-threads 1

e2e: toolchain ## the everyday end-to-end tests on kind (or on $$KUBECONFIG with USE_EXISTING_CLUSTER=1)
	@tests/e2e.sh

e2e-all: toolchain habits arm64 demo-kind bench-quick ## all end-to-end tests on kind, in both modes of the agent, with another leader, an API server away for minutes, older versions of Dask, and the demo as one more
	tests/e2e.sh all
	tests/e2e.sh leader::
	E2E_AWAY_SECONDS=180 tests/e2e.sh is_away
	E2E_AGENT=Drain tests/e2e.sh all
	for dask in 2024.1.0 2024.12.1 2025.7.0; do E2E_DASK=$$dask tests/e2e.sh removal:: || exit; done

bench-agent: toolchain ## a worker under the agent beside one under Dask's own Nanny, ROUNDS=5 (8 minutes)
	@cargo build -q --profile image -p dask-agent --jobs $(JOBS)
	@"$$(tests/dask/venv.sh "$$(cat tests/dask/newest)")" tests/bench/agent.py "$${CARGO_TARGET_DIR:-target}/image/dask-agent" $(or $(ROUNDS),5)

bench-pod: toolchain ## from a worker's pod to its first task, with the agent and without, on kind, ROUNDS=10
	@tests/bench/pod.sh $(or $(ROUNDS),10)

arm64: toolchain ## the agent for arm64, with QEMU as its processor and real workers (as root)
	@tests/arm64.sh

explore: toolchain ## worlds, whole ones and small ones, for SECONDS=60 each, from seed FROM=0 (builds for 7 minutes)
	cargo run $(TESTS) -q --release -p dask-operator-simulation --bin explore --jobs $(JOBS) -- --seconds $(or $(SECONDS),60) --from $(or $(FROM),0)

replay: toolchain ## one simulated scenario with its story: SCENARIO='seed 7', or a name; SEED=1
	cargo run $(TESTS) -q -p dask-operator-simulation --bin explore --jobs $(JOBS) -- --replay "$(SCENARIO)" --seed $(or $(SEED),1)

mutants: toolchain ## put known bugs into a copy, one at a time, and see the simulation catch each (an hour)
	@tests/mutants.sh $(MUTANT)

bench: toolchain ## measure beside a bare client and dask-kubernetes (40 minutes); writes docs/benchmarks.*
	@tests/bench/bench.sh full

bench-quick: toolchain ## one small round of that, which is only printed
	@tests/bench/bench.sh quick

bench-decide: toolchain ## how long a decision on all autoscalers of a cluster takes, up to 10,000 workers (some minutes to compile)
	@cargo run -q --profile image -p dask-operator-simulate --bin decide --jobs $(JOBS)

bench-demand: toolchain ## what it costs a scheduler to tell what waits, beside adaptive_target (1 minute)
	@"$$(tests/dask/venv.sh "$$(cat tests/dask/newest)")" tests/bench/demand.py 2>/dev/null

bench-hostile: toolchain ## the operator's memory and latency among HOSTILE=50 schedulers that mean harm (1 minute)
	cargo build -q --profile image --jobs $(JOBS) -p dask-operator -p dask-operator-laptop --bin dask-operator --bin hostile
	@"$${CARGO_TARGET_DIR:-target}/image/hostile" "$${CARGO_TARGET_DIR:-target}/image/dask-operator" --hostile $(or $(HOSTILE),50)

lint: toolchain ## formatting and clippy (a test tells whether generated files are up to date)
	cargo fmt --all --check
	cargo clippy $(TESTS) --workspace --all-targets --jobs $(JOBS) -- -D warnings

fmt: ## format the code
	cargo fmt --all

crds: ## write the CustomResourceDefinitions anew
	cargo run $(TESTS) -q -p dask-crds --bin crdgen --jobs $(JOBS)

image: ## the operator's image, where base images can be pulled
	docker build -t dask-operator:latest .

clean: ## remove demo-kind, its cluster and its engine (caches stay; tests/demo/clean.sh --all removes them)
	@tests/demo/clean.sh
