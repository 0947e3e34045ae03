"""What a page says of itself when it asks for its own content again: which page it is, which tab, which visit."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from fastapi import Request

from ..visit.visit import Visit

HEADER: Final = 'X-NiceGUI-Stash'
"""Only a script of the same origin can send it: for another origin, the browser asks the server first."""

_IDENTIFIER: Final = r'[A-Za-z0-9-]{8,64}'
_CLAIM: Final = re.compile(
    rf'(?P<page>[0-9a-f]{{24}}) (?P<tab>{_IDENTIFIER}) (?P<visit>{_IDENTIFIER})\.(?P<seal>\w{{1,64}})'
)


class Claim(NamedTuple):
    """A page's claim to continue a visit. `page` is the digest of what surrounds its elements; all is untrusted."""

    page: str
    tab: str
    visit: str
    seal: str

    def is_sealed_for(self, visit: Visit) -> bool:
        """Whether the server gave the seal to the session of this visit: a claim reaches no other session's values."""
        return visit.exists and visit.is_sealed(self.seal)


def claim_of(request: Request) -> Claim | None:
    """Return the claim in a request's header; `None` if there is none, or if it is malformed."""
    found = _CLAIM.fullmatch(request.headers.get(HEADER, ''))
    return None if found is None else Claim(**found.groupdict())
