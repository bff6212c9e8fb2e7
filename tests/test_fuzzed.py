"""What the fuzz found is read again, and a few inputs of every reader are tried anew.

`make fuzz` tries 100,000. Each file of `tests/fuzz` is called `<reader>.<draw>.<file>`, with "~"
for "/", and stands for an input that once broke a promise.
"""

import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import fuzzed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a long input is stopped by signal")
FOUND = sorted(fuzzed.CORPUS.iterdir())


@pytest.mark.parametrize("reader", fuzzed.READERS)
def test_seeds_are_read(reader, tmp_path):
    # First of this file: what is compiled once is no part of the time that an input may take.
    own, refused = fuzzed.READERS[reader], []
    for name, data in own.seeds.items():
        try:
            own.read(tmp_path, name, data, 3)
        except fuzzed.UserError as fault:
            refused.append(f"{name}: {fault}")
    assert refused == []


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_what_once_broke_a_promise_keeps_it(path, tmp_path):
    reader, draw, name = path.name.split(".", 2)
    name = name.replace("~", "/")
    assert fuzzed.tried(reader, tmp_path, name, path.read_bytes(), int(draw)) == ("", "", "")


@pytest.mark.parametrize("reader", fuzzed.READERS)
def test_no_input_breaks_a_promise(reader, tmp_path):
    count, found = fuzzed.fuzz(reader, 12, tmp_path, number=7)
    assert count >= 12 and found == {}


TABLES = sorted(fuzzed.READERS["tables"].seeds)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(TABLES), fuzzed.EDITS), max_size=3))
def test_what_check_passes_no_reader_and_no_run_refuses(changes):
    files = dict(fuzzed.WHOLE)
    for name, edits in changes:
        files[name] = fuzzed.mangled(files[name], edits)
    with tempfile.TemporaryDirectory() as place:
        for name, data in files.items():
            path = Path(place, "p", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        fuzzed.agree(Path(place, "p"))
