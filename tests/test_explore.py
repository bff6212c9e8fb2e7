"""Things show themselves; mistakes are told by name; a folder to work in, without a clone."""

import pandas as pd
import pytest
from hatchling.builders.wheel import WheelBuilder
from typer.testing import CliRunner

from scchelpers import charging, choice, measures, tcc
from scchelpers.cli import app
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.runner import notebooks
from tests.conftest import ROOT

LONGEST = 160  # characters of a thing that prints itself


@pytest.fixture(scope="module")
def demo():
    return Portfolio.open(ROOT / "data/demo")


@pytest.fixture(scope="module")
def site(demo):
    return demo.site("elm-road-lamps")


@pytest.fixture(scope="module")
def result(site):
    return charging.simulate(site.sessions, 50.0, chargepoints=site.chargepoints)


def test_what_is_printed_is_short_and_plain(demo, site, result):
    for thing in (demo, site, result, tcc.study(site)):
        assert len(repr(thing)) <= LONGEST
        assert "np." not in repr(thing) and "array" not in repr(thing)
    assert "no network asset" in repr(tcc.study(demo.site("village-hall")))


def test_a_portfolio_shows_what_each_site_can_answer(demo):
    card = demo._repr_html_()
    assert "13 sites" in card and card.count("<tr>") == 1 + 13
    row = card.split("<th>village-hall</th>")[1].split("</tr>")[0]
    assert "<td>01, 04, 05, 07, 09</td>" in row  # no load on record but its sessions


def test_texts_of_data_are_no_markup(tmp_path):
    (tmp_path / "portfolio.toml").write_text('name = "<b>x</b>"\ntimezone = "Europe/London"\n')
    (tmp_path / "sites.csv").write_text("site_id,name\na,<script>x</script>\n")
    (tmp_path / "chargepoints.csv").write_text("evse_id,site_id\n")
    card = Portfolio.open(tmp_path)._repr_html_()
    assert "<script>" not in card and "<b>" not in card and "&lt;script&gt;" in card


def test_a_result_shows_its_totals(site, result):
    totals = result._totals
    rows = result.sessions
    assert totals["delivered [kWh]"] == pytest.approx(rows["delivered_kwh"].sum())
    assert totals["unserved [kWh]"] == pytest.approx(rows["unserved_kwh"].sum())
    assert totals["sessions short"] == result.short().sum()
    assert totals["highest power [kW]"] == pytest.approx(result.power_kw.max().item())
    assert f"<td>{totals['delivered [kWh]']:,.1f}</td>" in result._repr_html_()
    day = {"start": "2025-01-01T00:00Z", "end": "2025-01-02T00:00Z"}
    nobody = charging.simulate(site.sessions[:0], 5.0, **day)
    assert "0 sessions" in repr(nobody) and "<td>0.0</td>" in nobody._repr_html_()


def test_a_choice_shows_its_ways():
    options = pd.DataFrame(
        {"possible": [True, False], "why_not": ["", "<no>"], "over_h": [1.25, float("nan")]},
        index=["TCC", "firm"],
    )
    made = choice.Choice("a", "TCC", options, {})
    assert repr(made) == "<Choice a: TCC; 1 of 2 ways possible>"
    assert "&lt;no&gt;" in made._repr_html_() and "1.25" in made._repr_html_()


def test_mistakes_are_told_by_name_and_remedy(site, result):
    load = (site.network_kva, site.rating_kva, 134.0)
    for call, said in (
        (lambda: charging.simulate(site, 40), r"<Site Elm.*> *: pass .*site\.sessions"),
        (lambda: charging.simulate(site.sessions, limit=40), r"limit = 40.*did you mean limit_kw"),
        (lambda: charging.uncontrolled([1]), r"sessions = \[1\]: pass a DataFrame"),
        (lambda: measures.customer_measures(site, result), r"unlimited = .*charging\.simulate"),
        (lambda: tcc.derive_windows(*load, quantil=0.9), r"quantil = 0\.9.*did you mean quantile"),
        (lambda: tcc.study(site, max_window=1), r"max_window = 1.*did you mean max_windows"),
        (lambda: Portfolio("data/demo"), r"Portfolio\.open\('data/demo'\)"),
    ):
        with pytest.raises(UserError, match=said):
            call()


def test_a_folder_to_work_in_is_laid_out_and_nothing_overwritten(tmp_path, monkeypatch):
    monkeypatch.delenv(notebooks.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work/notebooks").mkdir(parents=True)
    mine = tmp_path / "work/notebooks/01_load_diversity.ipynb"
    mine.write_text("mine")
    done = CliRunner().invoke(app, ["init", "work"])
    assert done.exit_code == 0 and "left as it is: notebooks/01_load_diversity.ipynb" in done.output
    assert mine.read_text() == "mine"
    assert len((tmp_path / "work/README.md").read_text().splitlines()) == 6
    assert (tmp_path / "work/scratch").is_dir()
    assert Portfolio.open("work/data/demo").site_ids == Portfolio.open(ROOT / "data/demo").site_ids
    monkeypatch.chdir(tmp_path / "work")
    assert notebooks.folder() == tmp_path / "work/notebooks"  # not those of the checkout
    assert "02_tcc_windows" in [path.stem for path in notebooks.find(notebooks.folder())]
    again = CliRunner().invoke(app, ["init", "."])
    assert again.exit_code == 0 and "nothing" in again.output
    with pytest.raises(UserError, match="is a file"):
        notebooks.lay_out(mine)


def test_a_folder_of_other_notebooks_is_not_taken_for_the_workbook(tmp_path, monkeypatch):
    monkeypatch.delenv(notebooks.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/thesis.ipynb").write_text("no notebook at all")
    assert notebooks.folder() == ROOT / "notebooks"


def test_the_wheel_holds_all_that_a_run_needs_and_nothing_else():
    packed = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    inside = "scchelpers/workbook/"
    for place in ("notebooks/*.ipynb", "data/demo/**/*", "data/README.md"):
        wanted = {path for path in ROOT.glob(place) if path.is_file()}
        wanted = {path for path in wanted if not notebooks._UNNAMED.search(path.stem)}
        assert wanted and {inside + path.relative_to(ROOT).as_posix() for path in wanted} <= packed
    code = [path for path in (ROOT / "scchelpers").rglob("*") if path.is_file()]
    own = {p.relative_to(ROOT).as_posix() for p in code if "__pycache__" not in p.parts}
    assert own <= packed
    assert packed - own == {name for name in packed if name.startswith(inside)}


def test_completion_is_offered_for_the_shell(monkeypatch):
    monkeypatch.setenv("_SCC_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "scc sta")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert CliRunner().invoke(app, prog_name="scc").output.split() == ["status"]
