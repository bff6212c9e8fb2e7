"""The technical schedule of a connection offer, as HTML and Markdown."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from scchelpers import standards
from scchelpers.portfolio import Portfolio
from tests.conftest import ROOT

VOID = {"meta"}


class Page(HTMLParser):
    """Reads a page, and sees that every element is closed in its turn."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.cells, self.items, self.tags = [], [], [], set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells.append(data)
        if self.open and self.open[-1] == "li":
            self.items.append(data)


@pytest.fixture(scope="module")
def demo():
    return Portfolio.open(ROOT / "data" / "demo")


@pytest.fixture(scope="module")
def posts(demo):
    return standards.scheme("tcc")(demo.site("elm-road-posts"))


def test_the_page_holds_terms_windows_and_chargepoints(posts):
    page = Page(standards.text(posts, "offer-html"))
    cells = " | ".join(page.cells)
    for row in posts.windows.itertuples():
        assert f"{row.start} to {row.end} | {row.limit_kva:g} kVA" in cells
    assert "1 December to end of February | Monday to Friday | 16:30 to 21:00" in cells
    assert "capacity outside every limit | 150 kVA (147.0 kW)" in cells
    assert "fail-safe limit | 15 kVA (14.7 kW)" in cells
    assert "6 | 44 kW | 3 phases | 8.3 kW" in cells
    rules = " ".join(page.items)
    assert "14.7 kW, carries 3 of 12 AC sockets at a time; all need 49.7 kW" in rules
    assert "over 10 minutes" in rules


def test_both_forms_say_the_same(posts):
    page = Page(standards.text(posts, "offer-html", review="1 May 2027"))
    plain = re.sub(r"\\(.)", r"\1", standards.text(posts, "offer-md", review="1 May 2027"))
    assert "| next review | 1 May 2027 |" in plain
    for text in [*page.cells, *page.items]:
        assert text in plain


def test_names_from_data_stay_text(posts):
    name = "<script>alert(1)</script> & [x](javascript:y) | `z`"
    site = replace(posts.site, meta={**posts.site.meta, "name": name})
    named = replace(posts, site=site)
    page = Page(standards.text(named, "offer-html"))
    assert "script" not in page.tags
    assert f"{name} (elm-road-posts)" in "".join(page.cells)
    plain = standards.text(named, "offer-md")
    assert "<script>" not in plain
    assert "[x](" not in plain
    assert not re.search(r"(?<!\\)\|.*z", plain.splitlines()[0])


def test_a_static_limit_holds_all_year(demo):
    schedule = standards.scheme("clm")(demo.site("village-hall"), limit_kva=60.0)
    cells = " | ".join(Page(standards.text(schedule, "offer-html")).cells)
    assert "all year | every day | 00:00 to 24:00 | 60 kVA (58.8 kW)" in cells
    assert "none named" in cells
    assert "1 | 50 kW | direct current | no minimum" in cells


def test_a_profiled_connection_says_when_limits_are_issued(demo):
    site = demo.site("station-taxi-hub")
    schedule = standards.scheme("profiled")(site, rule="seasonal quantile", issue_time="11:30")
    items = " ".join(Page(standards.text(schedule, "offer-html")).items)
    assert "is issued by 11:30" in items
