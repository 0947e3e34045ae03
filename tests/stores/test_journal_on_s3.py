"""Servers that die without a flush, with a journal and a real server of S3: the next one finds all that was committed.

1,000 kills: `python -m tests.stores.journal_processes die_unflushed FOLDER s3://… '{"endpoint_url": …}' 1000`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.servers.s3 import S3Server

from .test_sqlite_journal import play

KILLS = 12


@pytest.mark.proves('kill')
def test_what_was_accepted_two_commits_before_a_kill_is_in_the_first_read_of_the_next_server(
    seaweedfs: S3Server, tmp_path: Path
) -> None:
    ((missed, not_put),) = play('die_unflushed', tmp_path, seaweedfs.url(), json.dumps(seaweedfs.options), KILLS)
    assert missed == 0
    assert not_put > KILLS / 2  # or the store would have had them anyway
