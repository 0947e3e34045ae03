"""A program of the documentation in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import nicegui

from tests.servers.process import WITHOUT_TLS

from .server import Server

HERE = Path(__file__).parent
CONVERSIONS = HERE.parent / 'docs' / 'conversions'


class Example(Server):
    """Runs `main.py` of its folder, which can be replaced between two lives."""

    def __init__(self, folder: Path) -> None:
        super().__init__('example.py', folder)
        self.settings |= {'nicegui_stash_url': self.store}

    def replace(self, code: str) -> None:
        """Write another `main.py`, for the next start."""
        (self.folder / 'main.py').write_text(code, encoding='utf-8')

    async def probe(self) -> dict[str, Any]:
        """Ask for a file of NiceGUI's: the program knows nothing of tests."""
        async with httpx.AsyncClient(timeout=60, verify=WITHOUT_TLS) as client:
            response = await client.get(f'{self.url}/_nicegui/{nicegui.__version__}/static/nicegui.css')
        return {'status': response.status_code}

    def has_stored(self, text: str) -> bool:
        """Whether this text is in a document in the store."""
        return any(text in path.read_text(encoding='utf-8') for path in self.objects())
