#!/bin/sh
# Make sure that there is a Chromium for the browser tests. Playwright drives the system's; it never downloads one.
set -eu

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then
        exit 0
    fi
done
sh "$(dirname "$0")/install_packages.sh" chromium fonts-liberation
