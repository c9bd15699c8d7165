PYTHON ?= python3
BIN = .venv/bin

.PHONY: help demo test proof clients scale soak lint al bench sbom advisories

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

.venv/ready: requirements.lock pyproject.toml
	@echo "The libraries go into .venv: about 130 MB to download (minutes, once), 650 MB on disk."
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch .venv/ready

demo: .venv/ready ## both sandboxes, a full load, the Dagster UI. ONCE=1 stops after the table, SAMPLE=folder loads your own data, PORT=3001 moves the UI
	@$(BIN)/winbc demo $(if $(ONCE),--once) $(if $(SAMPLE),--sample "$(SAMPLE)") $(if $(PORT),--port $(PORT))

test: .venv/ready ## the tests that take seconds, on two cores
	$(BIN)/pytest -n 2 --dist worksteal

# Three at a time: they sometimes wait.
proof: .venv/ready ## what takes minutes: whole flows of both systems, orders under every fault and at every crash point, 50 random stories
	$(BIN)/pytest -n 3 --dist worksteal -m "proof and not soak and not scale"

clients: .venv/ready ## clients that nobody here wrote, against the Business Central sandbox (installs them in a venv of their own)
	$(BIN)/python winbc_pipeline_tests/clients/run.py

# What needs servers, and what of the rest runs on a server, too: loading, the store, stock put together, what is planned,
# sensors and alerts, random stories of orders, a killed run of orders. ALL=1 takes the rest, and 100 stories. Three at a
# time: they often wait.
T = winbc_pipeline_tests
OF_SERVERS = $(shell grep -rl --include=*.py "mark.scale" $T)
LOADED = $T/staging/test_load.py $T/staging/test_store.py $T/staging/test_gather.py
PLANNED = $T/sync/records/test_slices.py
FOLLOWED = $T/orchestration/test_tick.py $T/health
STORIES = $T/sync/documents/reliability/test_machine.py::test_every_order_arrives_once
KILLED = $T/sync/test_conformance.py
MORE = $T/staging $T/mapping/test_in_a_flow.py $(KILLED) $T/sync/documents/reliability/test_crashes.py $T/sync/test_resumed_load.py $T/sync/records/test_records.py

# Flows that look into the database of another one, and who asks whether there is one.
BESIDE = $T/sync/stock/test_categories.py $T/workbench/test_checks.py::test_the_checks_look_at_the_databases_that_are_there \
	$T/sync/to_winstore/test_status_to_winstore.py::test_an_order_that_was_deleted_counts_as_cancelled_only_by_setting \
	$T/sync/records/test_addresses.py::test_an_order_makes_the_customer_with_the_address_that_his_own_record_has \
	$T/workbench/keeping/test_support_bundle.py

scale: .venv/ready ## state in PostgreSQL and runs in workers, under every loss; tests of staging, sensors, alerts, stories and killed runs on it (starts Debian's PostgreSQL and Redis on loopback). ALL=1 takes all of them
ifdef ALL
	$(BIN)/pytest -n 3 --dist worksteal -m scale $(OF_SERVERS)
	$(BIN)/pytest -n 3 --dist worksteal -m "not soak and not scale" --state postgres $(PLANNED) $(MORE)
	$(BIN)/pytest -n 3 --dist worksteal -m "" --state postgres "$(STORIES)_in_50_runs[0]" "$(STORIES)_in_50_runs[1]"
else
	$(BIN)/pytest -n 3 --dist worksteal -m "scale and not soak" $(OF_SERVERS)
	$(BIN)/pytest -n 3 --dist worksteal -m "not soak" --state postgres $(LOADED) $(BESIDE) $(PLANNED)::test_a_plan_leaves_no_draft_behind \
		$(STORIES)_whatever_comes "$(KILLED)::test_a_killed_run_is_completed_by_the_next_one[1-orders_winstore_to_bc]"
endif
	$(BIN)/pytest -n 3 --dist worksteal --state postgres $(FOLLOWED)

soak: .venv/ready ## the long loops: random kills and faults, for minutes
	$(BIN)/pytest -m soak

sbom: .venv/ready ## sbom.json: all that is installed, with licences, as CycloneDX (its tool gets a venv of its own)
	$(PYTHON) -m venv .sbom
	.sbom/bin/pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0
	.sbom/bin/cyclonedx-py environment --output-format JSON --output-file sbom.json $(BIN)/python

advisories: ## known weaknesses of the pinned libraries (pip-audit, in a venv of its own); says NOT CHECKED where no source answers
	$(PYTHON) -m venv .audit
	.audit/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	$(PYTHON) scripts/advisories.py .audit/bin/pip-audit

lint: .venv/ready ## ruff, type checker, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

al: ## the companion app in AL: parsed, name-checked, compared with its contract (says NOT RUN without Python 3.12)
	bash bc-extension/check/run.sh

bench: .venv/ready ## speed beside the peers, one JSON line each (installs the peers in a venv of their own)
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/sandbox.py
	$(BIN)/python benchmarks/orders.py
	$(BIN)/python benchmarks/pairs.py
	$(BIN)/python benchmarks/products.py one
	$(BIN)/python benchmarks/products.py three
	$(BIN)/python benchmarks/products.py variants
	$(BIN)/python benchmarks/volume.py
	$(BIN)/python benchmarks/years.py
	$(BIN)/python benchmarks/freshness.py
