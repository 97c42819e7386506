# Linli (邻里). `make run` brings the product up; `make test` sets up and passes every test.
# Every target sets up what it needs in this folder (.tools, .venv, node_modules, var) and is safe to run twice.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
UV := .tools/bin/uv
LINLI := .venv/bin/linli
PORT ?= 8000
# Compiled modules are kept in this folder, whatever the machine says (containers often forbid it): otherwise each process
# of a start and each worker of the tests compiles Django and all the rest anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup run test check bench clean

help: ## say what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-7s %s\n", $$1, $$2}'

setup: ## Python packages and front-end assets, into this folder only
	@scripts/setup

run: setup ## bring Linli up on http://127.0.0.1:8000 with a year of real orders inside
	@exec $(LINLI) up --init --port $(PORT)

test: setup ## every test, on SQLite and on PostgreSQL, with races and browser
	@scripts/test

check: setup ## lint, types, import rules, house rules, docs
	@scripts/check

bench: setup ## the tables of docs/benchmarks.md
	@for name in first_run ledger history loop pages features audiences; do echo "== bench/$$name.py"; .venv/bin/python bench/$$name.py; done
	@$(LINLI) evaluate churn
	@$(LINLI) evaluate value

clean: ## forget the data (var/); packages stay
	rm -rf var
