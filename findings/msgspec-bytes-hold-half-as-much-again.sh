#!/usr/bin/env bash
# The bytes that msgspec's encoders return hold half as much memory again as `sys.getsizeof` says, for as long as they live.
#
# An encoder writes into a buffer that grows by half, and returns that buffer as the result: its length is set, and what
# is too much is not given back. So whoever keeps encoded bytes, as in a cache, keeps up to half as much again, and no
# size of Python's shows it: `len` and `sys.getsizeof` tell the length that was set. `bytes` of such bytes is the same
# object; a copy, as of `bytes(memoryview(encoded))`, has the size that it says. `json.dumps(…).encode()` has it at once.
# One would expect a `bytes` object to be as large as `sys.getsizeof` says.
#
# Needs: Python 3.11 or newer.
# Seen with CPython 3.11.7 on Linux x86_64:
#
#   msgspec 0.22.0
#   a text of    100: getsizeof   135, held   185 = 1.37 x; a copy   134
#   a text of   1000: getsizeof  1035, held  1535 = 1.48 x; a copy  1034
#   a text of 100000: getsizeof 100035, held 150035 = 1.50 x; a copy 100034
#   as described
set -euo pipefail

cannot_run() { echo "cannot be run: $1" >&2; exit 2; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || cannot_run 'Python 3.11 or newer is needed'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TMPDIR="$folder"

python3 -m venv venv || cannot_run 'python3 -m venv does not work'
venv/bin/python -m pip install --quiet --quiet 'msgspec==0.22.0' || cannot_run 'pip could not install the package'

venv/bin/python -I - <<'PYTHON'
import sys
import tracemalloc
from importlib.metadata import version

import msgspec

COUNT = 100


def held(make) -> int:
    """Return how many bytes one result of `make` holds, as the allocator was asked for them."""
    make()
    tracemalloc.start()
    kept = [make() for _ in range(COUNT)]
    size = tracemalloc.get_traced_memory()[0] - sys.getsizeof(kept)
    tracemalloc.stop()
    return round(size / COUNT)


print('msgspec', version('msgspec'))
changed = False
for length in (100, 1000, 100_000):
    text = 'x' * length
    says = sys.getsizeof(msgspec.json.encode(text))
    encoded = held(lambda: msgspec.json.encode(text))
    copied = held(lambda: bytes(memoryview(msgspec.json.encode(text))))
    print(
        f'a text of {length:6d}: getsizeof {says:5d}, held {encoded:5d} = {encoded / says:.2f} x; a copy {copied:5d}'
    )
    changed = changed or encoded < 1.3 * says or copied > 1.1 * says
print('it has changed' if changed else 'as described')
sys.exit(changed)
PYTHON
