#!/bin/sh
# Renews requirements.lock from pyproject.toml: every version pinned and hashed, for Python 3.11 to 3.13.
# torch is left out because its build (CPU or CUDA) depends on the machine: it is installed first, by itself.
# Its accelerator packages are left out with it, so that the lock serves both.
set -eu
cd "$(dirname "$0")/.."
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools/venv"
"$tools/venv/bin/pip" install --quiet uv
compile() {
    "$tools/venv/bin/uv" pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
        --extra dev --no-emit-index-url --no-annotate --no-header --no-emit-package torch "$@" pyproject.toml
}
accelerator=$(compile --output-file "$tools/all" >/dev/null && grep -oE '^(nvidia|cuda|triton)[a-z0-9-]*' "$tools/all" | sed 's/^/--no-emit-package /' || true)
# shellcheck disable=SC2086
compile $accelerator --output-file "$tools/requirements.lock" >/dev/null
{
    echo "# Made by 'make lock' from pyproject.toml; do not edit. Install torch==2.13.0 first (see Makefile)."
    cat "$tools/requirements.lock"
} >requirements.lock
