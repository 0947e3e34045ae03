#!/bin/sh
# Make sure that there is a Chromium for the browser tests. Playwright drives the system's; it never downloads one.
set -eu

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then
        exit 0
    fi
done

if ! command -v apt-get >/dev/null; then
    echo 'The browser tests need Chromium. Install it with the package manager of this system,' >&2
    echo "or leave them out: make test PYTEST_ARGS='-m \"not browser\"'" >&2
    exit 1
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo 'The browser tests need Chromium. Install it: sudo apt-get install chromium fonts-liberation' >&2
        echo "or leave them out: make test PYTEST_ARGS='-m \"not browser\"'" >&2
        exit 1
    fi
    as_root='sudo -n'
fi
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update --quiet --quiet
$as_root apt-get install --quiet --quiet --yes --no-install-recommends chromium fonts-liberation
