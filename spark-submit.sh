#!/usr/bin/env bash
# The one door: ./spark-submit.sh JOB [section.key=value …] [--conf local]
# Bare it lists the jobs; JOB --help lists a job's settings. Sets up the environment on first use.
# ./spark-submit.sh devstack up|status|logs|restart|down: the real services for development and tests
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
./environment.sh
export PYTHONPATH="$PWD"
[ "${1:-}" != devstack ] || exec .venv/bin/python -m "$@"
exec .venv/bin/python -m jobs "$@"
