"""What the documents show is run: commands, Python, files, names, and the site's table of pages."""

import contextlib
import importlib
import io
import json
import re
import shlex
import shutil

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from scchelpers import business
from scchelpers.cli import app
from scchelpers.portfolio import Portfolio
from scchelpers.portfolio.check import check_portfolio
from scchelpers.runner.journal import Journal
from tests.conftest import ROOT

PAGES = [*sorted(ROOT.glob("docs/*.md")), *ROOT.glob("*.md"), ROOT / "data" / "README.md"]
BLOCK = re.compile(r'^```(\w*)(?: title="([^"]+)")?\n(.*?)^```', re.M | re.S)
KINDS = {"python", "sh", "toml", "csv", "json", "text"}
STAYS = "Location,Start,End,Energy (kWh)\nPark,{0}-05-01 10:00,{0}-05-01 11:00,7\n"


def blocks(path, kind):
    """Return the blocks of one language in a page, as (title, text)."""
    found = BLOCK.findall(path.read_text(encoding="utf-8"))
    assert {language for language, _, _ in found} <= KINDS, f"{path.name}: what runs such a block?"
    return [(title, text) for language, title, text in found if language == kind]


def with_blocks(kind):
    pages = [path for path in PAGES if blocks(path, kind)]
    return pytest.mark.parametrize("page", pages, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """Return a folder with what the examples take as given."""
    folder = tmp_path_factory.mktemp("documents")
    shutil.copytree(ROOT / "data" / "demo", folder / "data" / "demo")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    for year in (2018, 2019):
        (folder / f"sessions-{year}.csv").write_text(
            "CP ID,Connector,Start Date,Start Time,End Date,End Time,Total kWh,Site,Model\n"
            f"50911,1,01/05/{year},10:00,01/05/{year},11:00,7,Broxden,50 kW\n"
        )
    hours = pd.date_range("2018-05-01", periods=480, freq="30min")
    load = pd.DataFrame({"time": hours, "kW": 50 + (hours.hour - 12) ** 2 + hours.minute / 100})
    load.to_csv(folder / "feeder.csv", index=False)
    (folder / "chargers.csv").write_text(
        "evse_id,kind,phases,rated_kw,protocol,smart_charging,min_current_a,metering,connectivity\n"
        "1,ac,3,22,ocpp-1.6,yes,6,minute,wired\n"
    )
    for name in ("demo", "my-sites"):
        (folder / "reports" / name).mkdir(parents=True)
        with Journal(str(folder / "reports" / name), 0):
            pass
    return folder


@with_blocks("python")
def test_python_runs(page, scratch, monkeypatch):
    monkeypatch.chdir(scratch)
    names = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for _, text in blocks(page, "python"):
            exec(compile(text, str(page), "exec"), names)


@with_blocks("sh")
def test_commands_run(page, scratch, monkeypatch):
    monkeypatch.chdir(scratch)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    for _, text in blocks(page, "sh"):
        for line in text.splitlines():
            program, *arguments = shlex.split(line, comments=True) or ["make", "help"]
            if program == "make":
                assert set(arguments) <= set(targets), line
                continue
            assert program == "scc", line
            arguments += ["--dry-run"] * (arguments[0] == "run" and "--dry-run" not in arguments)
            answer = CliRunner().invoke(app, arguments)
            assert answer.exit_code == 0, f"{line}\n{answer.output}"


def test_the_portfolio_that_is_shown_is_sound(tmp_path):
    for kind in ("toml", "csv", "json"):
        for title, text in blocks(ROOT / "docs" / "portfolio.md", kind):
            (tmp_path / title).parent.mkdir(exist_ok=True)
            (tmp_path / title).write_text(text, encoding="utf-8")
    faults = check_portfolio(tmp_path).faults
    assert {f.file for f in faults if f.severity == "error"} <= {"sessions.parquet"}
    assert len(Portfolio.open(tmp_path).sites) == 2


def test_the_layout_that_is_shown_is_read(tmp_path):
    [(title, text)] = blocks(ROOT / "docs" / "importing.md", "toml")
    (tmp_path / title).write_text(text, encoding="utf-8")
    given = "Bay,In,Out,Units\n1,2024-05-01 10:00,2024-05-01 14:00,7\n"
    (tmp_path / "depot.csv").write_text(given)
    asked = ["import", "sessions", tmp_path / "depot.csv", "--into", tmp_path / "p", "--dry-run"]
    asked += ["--layout", tmp_path / title, "-o", "rated_kw=7.4"]
    answer = CliRunner().invoke(app, list(map(str, asked)))
    assert answer.exit_code == 0, answer.output


def test_the_prices_that_are_shown_are_taken():
    [(_, text)] = blocks(ROOT / "docs" / "business-case.md", "csv")
    prices = business.Prices().given(pd.read_csv(io.StringIO(text), dtype=str))
    assert prices["ac_price"] != business.Prices()["ac_price"]


@with_blocks("json")
def test_json_is_json(page):
    assert all(json.loads(text) for _, text in blocks(page, "json"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_names_of_the_package_exist(page):
    text = page.read_text(encoding="utf-8")
    rooms = {path.stem for path in (ROOT / "scchelpers").iterdir() if path.suffix in ("", ".py")}
    for name in re.findall(r"`(?:scchelpers\.)?([a-z_]+(?:\.\w+)+)(?:\([^`]*\))?`", text):
        room, *parts = name.split(".")
        if room not in rooms or parts[-1] in ("py", "csv", "md", "seal"):
            continue
        found = importlib.import_module(f"scchelpers.{room}")
        for part in parts:
            if not hasattr(found, part):
                importlib.import_module(f"{found.__name__}.{part}")
            found = getattr(found, part)


def test_tests_that_are_named_exist():
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/test_\w+\.py)::(\w+)`", text)
    assert named
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), test


def test_the_site_names_every_document_once():
    config = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), yaml.BaseLoader)

    def leaves(node):
        if isinstance(node, str):
            return [node]
        return [leaf for part in getattr(node, "values", node.copy)() for leaf in leaves(part)]

    named = leaves(config["nav"])
    assert len(named) == len(set(named))
    assert {path.name for path in ROOT.glob("docs/*.md")} <= set(named)
