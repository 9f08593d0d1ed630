#!/usr/bin/env bash
# The one door: ./spark-submit.sh JOB [section.key=value …] [--conf local]
# Bare it lists the jobs; JOB --help lists a job's settings. Sets up the environment on first use.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
./environment.sh
export PYTHONPATH="$PWD"
exec .venv/bin/python -m jobs "$@"
