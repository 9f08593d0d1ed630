# make prints this help; the environment is set up on first use
.DEFAULT_GOAL := help
SHELL := /bin/bash
export PYTHONPATH := $(CURDIR)
PYTHON := .venv/bin/python

.PHONY: help environment test test-unit lint check benchmark-% stack stack-down clean

help: ## this list
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 24

environment: ## set up .venv (once)
	@./environment.sh

test: environment ## run all tests
	$(PYTHON) -m pytest tests

test-unit: environment ## run the tests that need no Spark (under a minute)
	$(PYTHON) -m pytest tests/unit

lint: environment ## ruff, mypy, import-linter
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

check: lint test ## what CI runs: lint and all tests

benchmark-%: environment ## one of tokenizers, feed, train, predict_batch, serve, freshness, out_of_scope, stream, live_models, replies, slots, bots, knowledge, scale
	$(PYTHON) -m benchmarks.$* --output var/benchmarks/$*.json

stack: environment ## start Redis, Kafka, HDFS, YARN and MLflow on loopback
	$(PYTHON) -m devstack up

stack-down: environment ## end them; their data stay in var/stack
	$(PYTHON) -m devstack down

clean: ## remove caches; var/ (the store, logs, MLflow) stays
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
