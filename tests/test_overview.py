"""The manager's page: lists, totals, and what a browser makes of it without any script."""

import csv
import io
import shutil
import time

import pytest

from scchelpers.runner import files, index, pages
from scchelpers.runner.job import Outcome
from tests.trial import HOSTILE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FIGURES = {
    "scheme": "",
    "why": "",
    "requested_kva": "kVA",
    "released_kva": "kVA",
    "unserved_kwh": "kWh",
    "unserved_share": "",
    "ready_months": "months",
    "network": "",
}


def outcome(site_id, *values, ok=True, notebook=pages.DECISION) -> Outcome:
    figures = [
        {"name": name, "label": name, "unit": unit, "value": value}
        for (name, unit), value in zip(FIGURES.items(), values, strict=False)
    ]
    said = {} if ok else {"error": "ValueError", "message": "it broke"}
    return Outcome(site_id, notebook, ok, figures=figures, **said)


def three() -> tuple[dict, dict]:
    found = {
        "a": outcome("a", "TCC", "short in the evening", 100.0, 60.0, 5.0, 0.001, 0.5, "tx"),
        "b": outcome("b", "firm", "room for all", 50.0, 0.0, 0.0, 0.0, 0.5, "tx"),
        "c": outcome("c", "TCC", HOSTILE, 300.0, 200.0, 1.0, 0.0001, 0.5, "tx"),
        "d": outcome("d", ok=False),
    }
    sites = {name: {"name": f"Site {name}", "site_type": "car_park"} for name in found}
    return {pages.DECISION: found}, sites


def test_sites_by_scheme_by_name_by_size():
    rows = pages.rows(*three())
    lists = {view.page: [row["site_id"] for row in view.rows] for view in pages.views(rows)}
    assert lists["index"] == ["b", "c", "a", "d"]
    assert lists["sites-by-name"] == ["a", "b", "c", "d"]
    assert lists["sites-by-released"][:2] == ["c", "a"]
    assert lists["sites-by-unserved"][:2] == ["a", "c"]
    assert lists["sites-tcc"] == ["c", "a"]
    assert lists["sites-none"] == ["d"]
    assert "sites-lmc" not in lists


def test_totals_are_those_of_the_rows():
    found = pages.summary(pages.rows(*three()))
    assert found["totals"] == {"sites": "4", "released_kva": "260", "unserved_kwh": "6"}
    assert found["undecided"] == 1
    released = {bar["scheme"]: bar for bar in found["pictures"][1]["bars"]}
    assert (released["TCC"]["text"], released["TCC"]["share"]) == ("260", 1.0)
    assert released["firm"]["share"] == 0


def test_a_site_whose_report_failed_says_so():
    row = pages.rows(*three())[-1]
    assert (row["scheme"], row["why"]) == ("none", "The report failed: ValueError: it broke")
    assert pages.shown(row)["figures"][1]["text"] == ""


def test_the_table_to_take_along_reads_back():
    rows = pages.rows(*three())
    back = list(csv.DictReader(io.StringIO(files.as_csv(rows, pages.COLUMNS))))
    assert [row["site_id"] for row in back] == ["a", "b", "c", "d"]
    assert float(back[0]["released_kva"]) == 60.0
    assert back[2]["why"] == HOSTILE


def written(folder, found, sites):
    index.write(
        folder,
        portfolio={"title": "Many"},
        sites=sites,
        titles={pages.DECISION: "Which?"},
        outcomes=list(found[pages.DECISION].values()),
    )
    return folder


def test_every_list_is_a_page_and_names_are_text(tmp_path):
    written(tmp_path, *three())
    made = {path.name for path in tmp_path.glob("*.html")}
    assert {
        "index.html",
        "reports.html",
        "sites-tcc.html",
        "sites-by-released.html",
    } <= made
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert "<script" not in text
    for name in pages.views(pages.rows(*three())):
        assert f'href="{name.page}.html"' in text or name.page == "index"


def test_without_that_report_the_index_is_as_it_was(tmp_path):
    own = outcome("a", notebook="01_load_diversity")
    index.write(
        tmp_path,
        portfolio={},
        sites={"a": {}},
        titles={"01_load_diversity": "How much?"},
        outcomes=[own],
    )
    assert not (tmp_path / "reports.html").exists()
    assert "first figure of each report" in (tmp_path / "index.html").read_text(encoding="utf-8")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
def test_boxes_hide_rows_on_a_page_of_many(tmp_path):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    schemes = [scheme for scheme in pages.ORDER if scheme != "none"]
    found, sites = {}, {}
    for number in range(1200):
        name = f"site-{number}"
        scheme = schemes[number % len(schemes)]
        why = "The network is short at the same hours of the clock. " * 3
        found[name] = outcome(name, scheme, why, 100.0, 5.0, 1.0 * number, 0.001, 0.5, "tx")
        sites[name] = {"name": f"Car park {number}", "site_type": "car_park"}
    written(tmp_path, {pages.DECISION: found}, sites)
    assert max(path.stat().st_size for path in tmp_path.glob("*.html")) < 1_000_000
    with playwright.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1200, "height": 900})
        said = []
        page.on("console", lambda message: said.append(message.text))
        began = time.monotonic()
        page.goto((tmp_path / "sites-by-unserved.html").as_uri())
        assert time.monotonic() - began < 10
        assert page.locator("tbody tr:visible").count() == index.PAGE_ROWS
        page.uncheck("#show-tcc")
        visible = page.locator("tbody tr:visible")
        assert page.locator("tbody tr.of-tcc:visible").count() == 0
        assert visible.count() == index.PAGE_ROWS - page.locator("tbody tr.of-tcc").count()
        page.click(".picture a >> text=LMC")
        page.wait_for_url("**/sites-lmc.html")
        assert set(page.locator("tbody .scheme").all_inner_texts()) == {"LMC"}
        wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        chromium.close()
    assert said == []
    assert not wide
