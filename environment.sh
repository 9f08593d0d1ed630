#!/usr/bin/env bash
# Sets up .venv as uv.lock pins it; does nothing when that is done. Anything missing ends in one line.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

UV_VERSION=0.13.9
NEEDED_GB=6
LOG=var/logs/environment.log
STAMP=.venv/malgil.stamp

stop() { echo "malgil: $*" >&2; exit 1; }

find_java() {
    local java="${JAVA_HOME:+$JAVA_HOME/bin/}java" version
    version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1) || true
    case "$version" in
        17 | 21) ;;
        "") stop "Java 17 or 21 is needed, found none; install it: apt-get install openjdk-17-jre-headless" ;;
        *) stop "Java 17 or 21 is needed, found $version; install openjdk-17-jre-headless and set JAVA_HOME" ;;
    esac
}

find_python() {
    local candidate
    for candidate in ${MALGIL_PYTHON:-python3.11 python3.10 python3 python}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 10), (3, 11)))' 2>/dev/null; then
            "$candidate" -c 'import ensurepip, venv' 2>/dev/null ||
                stop "$candidate has no venv module; install it: apt-get install python3-venv"
            "$candidate" -c 'import sysconfig, os, sys; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' ||
                stop "$candidate has no headers (Python.h), Horovod is compiled with them; install them: apt-get install python3-dev"
            PYTHON=$("$candidate" -c 'import sys; print(sys.executable)')
            return
        fi
    done
    stop "Python 3.10 or 3.11 is needed, found $(python3 --version 2>/dev/null || echo none); install it: apt-get install python3, or name it in MALGIL_PYTHON"
}

find_compiler() {
    local probe
    command -v make >/dev/null || stop "make is needed to compile Horovod; install it: apt-get install make"
    command -v "${CXX:-g++}" >/dev/null || stop "a C++17 compiler is needed to compile Horovod; install one: apt-get install g++"
    probe=$(mktemp)
    echo '#include <optional>
int main() { std::optional<int> x{0}; return *x; }' |
        "${CXX:-g++}" -std=c++17 -x c++ -o "$probe" - 2>/dev/null ||
        { rm -f "$probe"; stop "${CXX:-g++} does not compile C++17; install a newer one: apt-get install g++"; }
    rm -f "$probe"
}

find_room() {
    local free_kb
    free_kb=$(df -Pk . | awk 'NR == 2 { print $4 }')
    [ "$free_kb" -ge $((NEEDED_GB * 1024 * 1024)) ] ||
        stop "$NEEDED_GB GB of disk are needed here, $((free_kb / 1024 / 1024)) GB are free; make room"
}

explain() { # the reason of a failed installation in one line
    if grep -qiE 'no space left|disk quota' "$LOG"; then
        stop "the disk is full; make room for $NEEDED_GB GB and run this again"
    elif grep -qiE 'dns error|failed to fetch|error sending request|connection (refused|reset|error)|timed out|name resolution|network is unreachable|could not find a version|retries exceeded' "$LOG"; then
        stop "packages cannot be fetched: no network, or no way to the Python package index; see $LOG"
    elif grep -qi 'failed to build.*horovod' "$LOG"; then
        stop "Horovod did not compile; install what it needs: apt-get install g++ make python3-dev; see $LOG"
    fi
    stop "the set-up failed; see the end of $LOG"
}

install() { # DESCRIPTION COMMAND…: with the seconds it took so far, and all it says in the log
    local description=$1 started=$SECONDS pid
    shift
    "$@" >>"$LOG" 2>&1 &
    pid=$!
    trap 'kill $pid 2>/dev/null || true' INT TERM
    while kill -0 $pid 2>/dev/null; do
        if [ -t 2 ]; then
            printf '\r%s … %d s  %-50.50s' "$description" $((SECONDS - started)) "$(tail -n 1 "$LOG" | tr -d '\r')" >&2
            sleep 1
        else
            [ $(((SECONDS - started) % 15)) -ne 0 ] || echo "$description … $((SECONDS - started)) s" >&2
            sleep 1
        fi
    done
    wait $pid || explain
    [ -t 2 ] && printf '\r\033[K' >&2
    echo "$description: $((SECONDS - started)) s" >&2
}

find_java
wanted=$(cat uv.lock pyproject.toml setup.py | cksum)
[ "$wanted" != "$(cat $STAMP 2>/dev/null)" ] || exit 0

find_python
find_compiler
find_room
mkdir -p var/logs
: >"$LOG"
(
    flock 9
    [ "$wanted" != "$(cat $STAMP 2>/dev/null)" ] || exit 0
    echo "malgil: setting up .venv (once; large downloads, Horovod is compiled; log: $LOG)" >&2
    [ -x var/uv/bin/uv ] || install "1/2 the installer" sh -c "'$PYTHON' -m venv var/uv && var/uv/bin/pip install -q --retries 2 uv==$UV_VERSION"
    export UV_PYTHON_DOWNLOADS=never UV_PYTHON="$PYTHON" UV_PROJECT_ENVIRONMENT=.venv
    install "2/2 the packages" var/uv/bin/uv sync --frozen --extra cpu --no-progress --compile-bytecode
    echo "$wanted" >$STAMP
) 9>var/environment.lock
