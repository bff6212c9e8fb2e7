"""The pages as a real browser sees them."""

import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from scchelpers.runner import index
from scchelpers.runner.job import Outcome
from tests.trial import HOSTILE, first_run

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
]
PAGES = (
    "index.html",
    "north-car-park/01_report.html",
    "odd/01_report.html",
    "south-depot/01_report.html",  # not made
    "01_report.html",  # compares the sites
)
ORDER = """() => {
    const levels = [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1]);
    return {
        levels,
        skipped: levels.some((level, i) => i > 0 && level > levels[i - 1] + 1),
        bare: [...document.images].filter(i => !i.alt.trim()).length,
        broken: [...document.images].filter(i => i.complete && !i.naturalWidth).length,
        unscoped: document.querySelectorAll('th:not([scope])').length,
        wide: document.documentElement.scrollWidth > window.innerWidth,
        scripts: document.scripts.length,
    };
}"""
# WCAG 2.2 contrast of every text against the first opaque background behind it.
CONTRAST = """() => {
    const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = e => {
        for (; e; e = e.parentElement) {
            const c = parse(getComputedStyle(e).backgroundColor);
            if (c.length === 3 || c[3] === 1) return c;
        }
        return [255, 255, 255];
    };
    const poor = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const e = walk.currentNode.parentElement;
        if (!walk.currentNode.data.trim() || !e.getClientRects().length) continue;
        const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) poor.push([walk.currentNode.data.trim().slice(0, 40), ratio]);
    }
    return poor;
}"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    return Path(first_run(tmp_path_factory).folder)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@contextmanager
def opened(browser, path, **options):
    """Open a page; give it with what it asked for and what it complained of."""
    page = browser.new_page(**options)
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append("dialog") or dialog.dismiss())
    page.goto(path.as_uri())
    yield page, asked, said
    page.close()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [390, 1200])
def test_a_page_is_whole_ordered_and_fits(reports, browser, name, width):
    path = reports / name
    with opened(browser, path, viewport={"width": width, "height": 900}) as (page, asked, said):
        seen = page.evaluate(ORDER)
    outside = [url for url in asked if not url.startswith("data:")]
    assert outside == [path.as_uri()]
    assert said == []
    assert seen["levels"].count(1) == 1
    assert not seen["skipped"]
    assert (seen["bare"], seen["broken"], seen["unscoped"], seen["scripts"]) == (0, 0, 0, 0)
    assert not seen["wide"]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(reports, browser, name, scheme):
    with opened(browser, reports / name, color_scheme=scheme) as (page, _, _):
        for fold in page.query_selector_all("details"):
            fold.evaluate("fold => fold.open = true")
        found = axe.Axe().run(page).response["violations"]
    grave = [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found
             if v["impact"] in ("serious", "critical")]  # fmt: skip
    assert grave == []


@pytest.mark.parametrize("name", [PAGES[0], PAGES[1], PAGES[3], PAGES[4]])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(reports, browser, name, scheme):
    with opened(browser, reports / name, color_scheme=scheme) as (page, _, _):
        for fold in page.query_selector_all("details"):
            fold.evaluate("fold => fold.open = true")
        assert page.evaluate(CONTRAST) == []
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        cards = page.evaluate(
            "[...document.querySelectorAll('figure')].map(f => getComputedStyle(f).backgroundColor)"
        )
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    assert set(cards) <= {background}  # its drawing turns dark with the page


def test_a_hostile_name_is_text(reports, browser):
    with opened(browser, reports / "odd/01_report.html") as (page, _, said):
        assert page.title().endswith(HOSTILE)
        assert HOSTILE in page.inner_text(".eyebrow")
        assert HOSTILE in page.inner_text("main")
    assert said == []


def test_the_policy_stops_a_script_that_got_in(reports, browser, tmp_path):
    injected = tmp_path / "injected.html"
    html = (reports / PAGES[1]).read_text(encoding="utf-8")
    injected.write_text(html.replace("</main>", f"{HOSTILE}</main>"), encoding="utf-8")
    with opened(browser, injected) as (_, _, said):
        pass
    assert "dialog" not in said
    assert any("Content Security Policy" in line for line in said)


def test_the_keyboard_reaches_report_code_neighbours_and_index(reports, browser):
    with opened(browser, reports / "index.html") as (page, _, _):

        def follow(selector: str, to: str) -> None:
            page.locator(selector).first.focus()
            page.keyboard.press("Enter")
            page.wait_for_url(to)

        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
        follow(".sites tbody td a", "**/north-car-park/01_report.html")
        fold = page.locator("details.code").first
        fold.locator("summary").focus()
        page.keyboard.press("Enter")
        assert fold.evaluate("fold => fold.open")
        follow("a[rel=next]", "**/south-depot/01_report.html")
        assert "could not be made" in page.inner_text("h1")
        assert "ValueError: no sessions at South depot" in page.inner_text("main")
        follow("a[rel=prev]", "**/north-car-park/01_report.html")
        follow("nav a >> text=All sites", "**/index.html")
        follow("[aria-labelledby=questions] a", "**/01_report.html")
        follow(".sites tbody th a", "**/north-car-park/01_report.html")


def test_an_index_of_many_sites_has_pages_that_lead_to_each_other(browser, tmp_path, monkeypatch):
    monkeypatch.setattr(index, "PAGE_ROWS", 3)
    sites = {f"s{n}": {"name": f"Site {n}"} for n in range(8)}
    outcomes = [Outcome(site_id, "01_x", True) for site_id in sites]
    given = {"portfolio": {"title": "Eight"}, "titles": {"01_x": "X?"}}
    index.write(tmp_path, sites=sites, outcomes=outcomes, **given)
    seen = []
    with opened(browser, tmp_path / "index.html") as (page, _, said):
        for number in range(3):
            seen += [
                name.split("\n")[0] for name in page.locator(".sites tbody th").all_inner_texts()
            ]
            assert page.locator("[aria-current=page]").first.inner_text().startswith(seen[-1][:4])
            grave = [v["id"] for v in axe.Axe().run(page).response["violations"]
                     if v["impact"] in ("serious", "critical")]  # fmt: skip
            assert grave == []
            if number < 2:
                page.click(f".pager >> nth=0 >> a >> nth={number}")
                page.wait_for_url(f"**/index-{number + 2}.html")
    assert seen == [f"Site {n}" for n in range(8)] and said == []
    # fewer sites later: the pages that are needed no more go
    index.write(tmp_path, sites={"s0": sites["s0"]}, outcomes=outcomes[:1], **given)
    assert sorted(path.name for path in tmp_path.glob("*.html")) == ["01_x.html", "index.html"]


def test_on_paper_code_and_contents_are_left_out(reports, browser):
    with opened(browser, reports / PAGES[1]) as (page, _, _):
        page.emulate_media(media="print")
        assert not page.locator("details.code").first.is_visible()
        assert not page.locator("nav.contents").first.is_visible()
        assert page.locator("figure img").first.is_visible()
        assert page.locator("footer").is_visible()


def test_a_report_is_small(reports):
    sizes = [path.stat().st_size for path in reports.rglob("*.html")]
    assert max(sizes) < 500_000
