"""The page of a site and of a network asset: what is said of a decision, and in which order."""

from bs4 import BeautifulSoup

from scchelpers.runner import batch, index, pages
from scchelpers.runner.job import Outcome
from tests.trial import HOSTILE

SITES = {
    site_id: {"name": name, "asset_id": "tx", "requested_kva": asked_kva, "applied_on": applied_on}
    for site_id, name, asked_kva, applied_on in (
        ("depot", "Kelvin depot", 300.0, "2024-05-01"),
        ("lamps", "Elm Road", 134.0, "2023-06-12"),
        ("odd", HOSTILE, None, ""),
    )
}
ASSETS = {
    "tx": {"name": "Elm transformer", "kind": "transformer", "parent_id": "primary"}
    | {f"rating_{season}_kva": 500.0 for season in ("winter", "spring", "summer", "autumn")},
    "primary": {"name": "Northgate", "kind": "primary", "parent_id": None},
    "elsewhere": {"name": "No site here", "kind": "feeder", "parent_id": None},
}
SAID = {
    "scheme": "TCC",
    "do": "Apply for a timed connection of 134 kVA.",
    "why": f"The transformer is full on winter evenings. {HOSTILE} Drivers can charge later.",
    "how_sure": "It stays the best under 2 % more load.",
    "in_force": "Nothing is registered.",
    "next_step": "The council asks the network operator for an offer.",
}


def figure(name, value, unit="", low=None, high=None) -> dict:
    return {"name": name, "label": name, "unit": unit, "value": value, "low": low, "high": high}


def decided(site_id, **numbers) -> Outcome:
    texts = [figure(name, value) for name, value in SAID.items()]
    own = [figure(name, *given) for name, given in numbers.items()]
    return Outcome(site_id, pages.DECISION, True, title="Which connection?", figures=texts + own)


def written(folder, outcomes) -> None:
    titles = {outcome.notebook: outcome.title for outcome in outcomes}
    about = {"portfolio": {"title": "Two streets"}, "sites": SITES, "assets": ASSETS}
    index.write(folder, outcomes=outcomes, titles=titles, **about)


def read(path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def test_a_site_page_says_what_to_do_why_and_in_four_numbers(tmp_path):
    numbers = {
        "unserved_share": (0.004, "", 0.0, 0.07),
        "over_h": (3.0, "h", 0.0, 9.0),
        "ready_months": (6.0, "months"),
        "worth_gbp": (41_234.0, "£", -8_000.0, 77_000.0),
    }
    first = Outcome(
        "lamps", "01_load", True, title="How much?", figures=[figure("admd_kw", 1.93, "kW")]
    )
    written(tmp_path, [first, decided("lamps", **numbers)])
    page = read(tmp_path / "lamps" / "index.html")
    assert page.h1.get_text() == SAID["do"]
    values = [dd.get_text().replace("\u202f", " ") for dd in page.select(".four dd")]
    assert values == ["99.6 %", "3 hours", "6 months", "£41,000"]
    ranges = [kind.get_text().replace("\u202f", " ") for kind in page.select(".four .kind")]
    assert [text.removeprefix("likely ") for text in ranges] == [
        "93 % to 100 %",
        "0 hours to 9 hours",
        "−£8,000 to £77,000",
    ]
    assert HOSTILE in page.get_text() and HOSTILE not in str(page)
    links = [link["href"] for link in page.select("#reports ~ ol a")]
    assert links == ["08_scheme_choice.html", "01_load.html"]
    assert "1.93" in page.select("#reports ~ ol li")[1].get_text()


def test_a_site_without_a_decision_leads_to_its_reports(tmp_path):
    failed = Outcome("depot", pages.DECISION, False, error="ValueError", message="it broke")
    written(tmp_path, [failed, Outcome("lamps", "01_load", True, title="How much?")])
    assert "it broke" in read(tmp_path / "depot" / "index.html").main.get_text()
    page = read(tmp_path / "lamps" / "index.html")
    assert "No recommendation yet" in page.h1.get_text()
    assert page.select_one("ol a")["href"] == "01_load.html"


def test_an_asset_page_lists_its_sites_in_order_of_application(tmp_path):
    written(tmp_path, [decided("depot"), decided("odd"), decided("lamps")])
    page = read(tmp_path / "asset-tx.html")
    names = [th.get_text() for th in page.select("#queue ~ .table tbody th")]
    assert names == ["Elm Road", "Kelvin depot", HOSTILE]
    assert "434" in page.h1.get_text()
    assert page.select_one(".eyebrow a")["href"] == "asset-primary.html"
    assert not (tmp_path / "asset-elsewhere.html").exists()


def test_every_link_of_these_pages_leads_somewhere(tmp_path):
    reports = [decided("depot"), decided("lamps")]
    written(tmp_path, reports)
    for outcome in reports:
        (tmp_path / outcome.site_id / f"{outcome.notebook}.html").write_text("a report")
    made = [tmp_path / "index.html", tmp_path / "asset-tx.html", tmp_path / "lamps/index.html"]
    for path in made:
        for link in read(path).select("a[href]"):
            if not link["href"].startswith("#") and "results" not in link["href"]:
                assert (path.parent / link["href"]).exists(), (path.name, link["href"])


def test_what_did_not_change_is_not_written_again(tmp_path):
    written(tmp_path, [decided("lamps")])
    before = (tmp_path / "lamps/index.html").stat().st_mtime_ns
    written(tmp_path, [decided("lamps")])
    assert (tmp_path / "lamps/index.html").stat().st_mtime_ns == before


def test_a_run_fails_where_two_pages_contradict_each_other():
    seven = Outcome("lamps", "07_business_case", True, figures=[figure("ready_months", 15.0)])
    eight = decided("lamps", ready_months=(24.0, "months"))
    same = decided("depot", ready_months=(15.0 + 1e-12, "months"))
    found = pages.disagreements([eight, seven, same])
    assert found == ["lamps: ready_months is 15.0 in 07_business_case and 24.0 in 08_scheme_choice"]
    summary = batch.RunSummary("x", [seven, eight], 0, tuple(found))
    assert summary.exit_status == 1 and found[0] in summary.text()
    assert batch.RunSummary("x", [seven, same]).exit_status == 0


def test_of_many_tests_the_index_corrects_each(tmp_path):
    sites = {f"s{n}": {"name": f"Site {n}"} for n in range(4)}
    outcomes = [
        Outcome(site_id, "04_coincidence", True, figures=[figure("chance_p", p)])
        for site_id, p in zip(sites, (0.01, 0.02, 0.03, None), strict=True)
    ]
    index.write(
        tmp_path, portfolio={}, sites=sites, titles={"04_coincidence": "?"}, outcomes=outcomes
    )
    rows = read(tmp_path / "04_coincidence.html").select("tbody tr")
    # Three tests: 0.01 × 3 / 1, 0.02 × 3 / 2 and 0.03 × 3 / 3, each at most the next.
    said = [[td.get_text() for td in row.select("td.number")] for row in rows]
    assert said == [["0.0100", "0.0300"], ["0.0200", "0.0300"], ["0.0300", "0.0300"], ["", ""]]


def test_a_share_is_said_in_per_cent_on_site_page_and_index(tmp_path):
    kept = [figure("lmc_availability", 0.876), figure("kept_share", 0.999)]
    whole = Outcome(
        "depot", "06_constraint_schemes", True, title="What do they give?", figures=kept
    )
    written(tmp_path, [decided("depot"), whole])
    said = read(tmp_path / "depot/index.html").find("main").get_text()
    assert "88\u202f%" in said
    rows = read(tmp_path / "06_constraint_schemes.html").find("tbody").get_text()
    assert "88\u202f%" in rows
    assert "over 99\u202f%" in rows
