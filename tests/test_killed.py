"""Killed before any system call that changes a file, nothing is lost and the next try mends all.

Imports and the tables of groups are tried by `make drill`, for they take a minute.
"""

import sys

import pytest

from tests.killed import export_kills, register_kills, writers_at_once

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are forked and killed")


@pytest.mark.parametrize("kills", [register_kills, export_kills])
def test_killed_before_any_call_it_loses_nothing(kills, tmp_path):
    count, broken = kills(tmp_path)
    assert count.total() >= 3
    assert broken == []


def test_writers_of_one_portfolio_wait_for_each_other(tmp_path):
    count, broken = writers_at_once(tmp_path, each=2)
    assert count["writers"] == 4 and broken == []
