#!/bin/sh
# Make sure that there is a Chromium for the browser tests. Playwright drives the system's; it never downloads one.
# Most tests run in Debian's chromium-headless-shell where there is one: it costs a third.
set -eu
HERE="$(dirname "$0")"

has_chromium() {
    for name in chromium chromium-browser google-chrome; do
        if command -v "$name" >/dev/null; then
            return 0
        fi
    done
    return 1
}

if ! has_chromium; then
    sh "$HERE/install_packages.sh" chromium fonts-liberation
fi
if ! command -v chromium-headless-shell >/dev/null && apt-cache show chromium-headless-shell >/dev/null 2>&1; then
    sh "$HERE/install_packages.sh" chromium-headless-shell || echo 'The tests run in the whole Chromium, which is slower.'
fi
