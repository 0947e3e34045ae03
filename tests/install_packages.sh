#!/bin/sh
# Install Debian packages that tests need: as root, or by sudo where it asks for no password.
set -eu

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root='sudo -n'
fi
if ! command -v apt-get >/dev/null || ! $as_root true 2>/dev/null; then
    echo "Some tests need $*. Install that with the package manager of this system, or leave out" >&2
    echo "what needs it: make test WITHOUT=chromium, WITHOUT=servers, or WITHOUT='chromium servers'" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update --quiet --quiet
$as_root apt-get install --quiet --quiet --yes --no-install-recommends "$@"
