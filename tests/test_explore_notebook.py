"""The page with sliders charges again when one moves, and writes a command that runs."""

import json
import shlex

import nbformat
import pytest
from nbclient import NotebookClient

from scchelpers.runner import notebooks
from tests.conftest import ROOT

PAGE = ROOT / "notebooks/explore.ipynb"
EMPTY = {
    "portfolio.toml": 'name = "own"\ntimezone = "Europe/London"\n',
    "sites.csv": "site_id,name\nbare,Bare ground\n",
    "chargepoints.csv": "evse_id,site_id,rated_kw\n",
}
MOVES = """
import json
told = {}
def tell(case, **moved):
    for name, value in moved.items():
        controls[name].value = value
    told[case] = dict(now)
tell("first")
tell("less", cap=0.1)
tell("least", cap=0.0)
tell("least, with a margin", margin=0.2)
tell("none", cap=1.0, margin=0.0)
tell("grown", cap=0.3, growth=0.5)
tell("over midnight", growth=0.0, start="22:00", end="02:00")
tell("more", start="16:00", end="20:00", number=60)
tell("few", number=5)
controls["sharing"].value = "edf"
controls["margin"].value = 0.05
button.click()
told["command"] = written.value
controls["site_id"].value = "village-hall"
told["chargepoints"] = controls["number"].value
tell("elsewhere")
controls["portfolio"].value = "../data/own"
told["nobody"] = [controls["site_id"].options, len(now)]
controls["portfolio"].value = "../data/demo"
told["own"] = [len(s) for s in visits(site, len(site.chargepoints))]
told["same"] = bool(
    visits(site, 24)[0].set_index("session_id")["plug_in"].sort_index().equals(
        site.sessions.set_index("session_id")["plug_in"].sort_index()))
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Return the outputs of the page, what its sliders did, and the folder it ran in."""
    place = tmp_path_factory.mktemp("explore")
    (place / "notebooks").mkdir()
    (place / "data/own").mkdir(parents=True)
    (place / "data/demo").symlink_to(ROOT / "data/demo")
    for name, text in EMPTY.items():
        (place / "data/own" / name).write_text(text)
    book = nbformat.read(PAGE, as_version=4)
    book.cells.append(nbformat.v4.new_code_cell(MOVES))
    where = {"metadata": {"path": str(place / "notebooks")}}
    book = NotebookClient(book, kernel_name="python3", timeout=120, resources=where).execute()
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    return outputs, json.loads(outputs[-1]["text"]), place, book


def test_the_page_runs_quietly_and_shows_its_case(done):
    outputs, _, _, book = done
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert any("image/svg+xml" in output.get("data", {}) for output in outputs)
    widgets = book.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    [seen] = [w["state"] for w in widgets.values() if w["model_name"] == "OutputModel"]
    kinds = {kind for output in seen["outputs"] for kind in output.get("data", {})}
    assert {"image/svg+xml", "text/markdown"} <= kinds  # beside the sliders, and no traceback
    assert not [output for output in seen["outputs"] if output["output_type"] != "display_data"]


def test_figures_follow_the_sliders(done):
    _, told, _, _ = done
    unserved = {case: of["unserved_kwh"] for case, of in told.items() if isinstance(of, dict)}
    assert 0 <= unserved["none"] < unserved["first"] < unserved["less"] < unserved["least"]
    assert unserved["least"] <= unserved["least, with a margin"]
    assert unserved["grown"] > unserved["first"] < unserved["more"] and unserved["few"] < 1
    assert told["less"]["restricted_h"] >= told["first"]["restricted_h"]
    assert told["less"]["short_sessions"] > told["first"]["short_sessions"]
    assert told["grown"]["wanted_kwh"] == pytest.approx(1.5 * told["first"]["wanted_kwh"])
    assert unserved["over midnight"] != unserved["first"]
    assert told["few"]["sessions"] < told["first"]["sessions"] < told["more"]["sessions"]
    assert told["chargepoints"] == 7 and told["elsewhere"]["sessions"] == 3897
    assert told["nobody"] == [["bare"], 0]
    assert told["own"] == [told["first"]["sessions"], 24] and told["same"]


def test_what_is_shown_first_is_what_the_first_hour_finds(done):
    """The same window and cap as in `00_start_here`, where the capacity itself takes nothing."""
    _, told, _, _ = done
    assert told["first"]["unserved_kwh"] - told["none"]["unserved_kwh"] == pytest.approx(
        17.2, abs=0.1
    )


def test_the_command_names_what_exists_and_is_kept(done):
    _, told, place, _ = done
    assert (place / "scratch/run-elm-road-lamps.sh").read_text() == told["command"] + "\n"
    words = shlex.split(told["command"])
    assert words[:2] == ["scc", "run"] and words[2] == str(ROOT / "data/demo")
    options = list(zip(words[3::2], words[4::2], strict=True))
    given = dict(value.split("=", 1) for option, value in options if option == "-p")
    books = [value for option, value in options if option == "--notebook"]
    assert {option for option, _ in options} == {"--site", "--notebook", "-p"}
    read = {}
    for path in notebooks.find(ROOT / "notebooks", books):
        known = notebooks.schema(path)
        own = {parameter.name for parameter in known}
        read |= notebooks.check(known, {n: v for n, v in given.items() if n in own})
    assert read == {
        "limit_from": "window", "window_season": "all year", "window_start": "16:00",
        "window_end": "20:00", "cap": 0.25, "sharing": "edf", "design_chargepoints": 5,
    }  # fmt: skip


def test_no_batch_runs_the_page():
    assert "explore" in notebooks.passed_over(ROOT / "notebooks")
