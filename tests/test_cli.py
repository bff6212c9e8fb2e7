"""The command line: one clear message for bad input, never a traceback."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from scchelpers.cli import app
from tests.conftest import ROOT


def scc(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "scchelpers.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=120,
    )


@pytest.mark.parametrize(
    "command", [c.name or c.callback.__name__ for c in app.registered_commands]
)
def test_every_command_has_help_with_an_example(command):
    answer = CliRunner().invoke(app, [command, "--help"])
    assert answer.exit_code == 0
    assert "Example" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "nowhere"], "no portfolio.toml"),
        (["run", "nowhere"], "no portfolio.toml"),
        (["import", "session", "x.csv", "--into", "p"], "did you mean sessions?"),
        (["import", "sessions", "x.csv", "--into", "p"], "x.csv"),
        (
            ["import", "sessions", "x.csv", "--into", "p", "-o", "staart=Begun"],
            "did you mean start?",
        ),
        (["run", ROOT / "data/demo", "-p", "step"], "write NAME=VALUE"),
        (["run", ROOT / "data/demo", "-p", "sede=1"], "did you mean seed?"),
        (["run", ROOT / "data/demo", "--site", "../../x"], "../../x"),
        (["run", ROOT / "data/demo", "--notebook", "01_lod_diversity"], "01_load_diversity"),
        (["list", "01_lod_diversity"], "01_load_diversity"),
    ],
)
def test_bad_input_is_one_clear_message(arguments, words, tmp_path):
    answer = scc(*arguments, cwd=tmp_path)
    assert answer.returncode not in (0, None)
    assert words in answer.stdout + answer.stderr
    assert "Traceback" not in answer.stdout + answer.stderr
    assert not list(tmp_path.iterdir()), "nothing may be left behind"


def test_check_as_json_is_machine_readable():
    answer = scc("check", ROOT / "data/demo", "--json")
    assert answer.returncode == 0
    assert isinstance(json.loads(answer.stdout)["faults"], list)


def test_list_names_every_parameter_of_a_notebook():
    answer = scc("list", "01_load_diversity", "--json")
    assert answer.returncode == 0
    names = {parameter["name"] for parameter in json.loads(answer.stdout)[0]["parameters"]}
    assert {"portfolio", "site_id", "seed"} <= names
