"""A page is safe, whole in itself, in order, and the same for the same notebook."""

import re

import nbformat
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from scchelpers.faults import UserError
from scchelpers.report import records
from scchelpers.runner import index, job, markup, publish
from scchelpers.runner.job import Outcome
from tests.trial import HOSTILE, NOTEBOOKS

# The smallest PNG there is: one grey pixel.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)


def shown(data, metadata=None):
    return new_output("display_data", data=data, metadata=metadata or {})


def book(*outputs, text="# Title\n\n## Part"):
    cell = new_code_cell("figure()", execution_count=1, outputs=list(outputs))
    return new_notebook(cells=[new_markdown_cell(text), cell])


def test_data_can_run_nothing():
    page = publish.render(
        book(
            shown({"text/html": f"<p onclick='x()'>{HOSTILE}<img src=x onerror=alert(1)></p>"}),
            shown({"text/markdown": f"{HOSTILE} [go](javascript:alert(1))"}),
            shown({"application/javascript": "alert(2)"}),
            shown({"text/plain": HOSTILE}),
            text=f"# {HOSTILE}\n\n## Part",
        ),
        site={"site_id": "a", "name": HOSTILE, "site_type": HOSTILE, "provenance": ""},
        portfolio={"name": "p", "title": HOSTILE},
    )
    assert "<script" not in page
    assert "<img" not in page
    assert "<a href" not in page.split("<main")[1]
    assert "alert(2)" not in page
    assert "onclick" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 6
    assert "<title>&lt;script&gt;" in page


@given(st.text("<>/\"'&=`$#*[]() scriptonma", max_size=40))
def test_no_text_of_data_becomes_a_live_element(text):
    for made in (markup.from_markdown(text), markup.safe(text)):
        assert markup.BeautifulSoup(made, "html.parser").find(["script", "img", "iframe"]) is None


def test_a_figure_keeps_its_alternative_text_and_size():
    page = publish.render(
        book(shown({"image/png": PIXEL}, {"image/png": {"alt": 'Peak "falls" to 3 kW'}}))
    )
    image = markup.BeautifulSoup(page, "html.parser").img
    assert image["alt"] == 'Peak "falls" to 3 kW'
    assert (image["width"], image["height"]) == ("1", "1")


def test_a_figure_without_a_description_is_kept_and_says_what_drew_it():
    page = publish.render(book(shown({"image/png": PIXEL})))
    assert 'alt="A figure without a description, drawn by: figure()"' in page


def test_the_answer_stands_under_the_title_without_its_heading():
    cells = [
        new_markdown_cell("# Title\n\nFor whom."),
        new_markdown_cell("## Part"),
        new_markdown_cell("## Answer"),
        new_code_cell(
            "%%say", outputs=[shown({"text/markdown": "It fits."})], metadata={"tags": ["answer"]}
        ),
        new_markdown_cell("## Limits"),
    ]
    page = publish.render(new_notebook(cells=cells)).split("<main")[1]
    assert page.index("For whom") < page.index("It fits.") < page.index("Part")
    assert "Answer" not in page


def test_a_site_that_lacks_data_gets_a_short_page():
    error = new_output("error", ename="NeedsData", evalue="Import a load.", traceback=["x"])
    cells = [
        new_markdown_cell("# Title"),
        new_markdown_cell("## Part"),
        new_code_cell("needs(load)", outputs=[shown({"text/markdown": "Import a load."}), error]),
        new_markdown_cell("## Never reached"),
        new_code_cell("1 / 0"),
    ]
    page = publish.render(new_notebook(cells=cells))
    assert page.index("Import a load.") < page.index("Part")
    assert "Never reached" not in page
    assert "1 / 0" not in page


def test_equations_are_mathml_and_code_is_folded():
    page = publish.render(book(text="# T\n\n$$\\frac{a}{b}$$ and $x_1$ and `$5`"))
    assert '<math display="block">' in page
    assert "<mfrac>" in page
    assert "<msub>" in page
    assert "<code>$5</code>" in page
    assert '<details class="code"><summary>' in page


def test_headings_are_put_in_order():
    page = publish.render(book(text="# One\n\n#### Deep\n\n# Two\n\n### Sub\n\n## Sub"))
    soup = markup.BeautifulSoup(page, "html.parser")
    levels = [(h.name, h.get_text()) for h in soup.find_all(markup.HEADINGS)]
    assert levels == [("h1", "One"), ("h2", "Deep"), ("h2", "Two"), ("h3", "Sub"), ("h2", "Sub")]
    assert len({h["id"] for h in soup.find_all(["h2", "h3"])}) == 4


def test_tables_get_scopes_and_figures_stand_right():
    table = (
        "<style>th {color: red}</style><table><thead><tr><th></th><th>kW</th></tr></thead>"
        "<tbody><tr><th>a</th><td>1,234.5</td></tr></tbody></table>"
    )
    page = publish.render(book(shown({"text/html": table})))
    assert '<th class="number" scope="col">kW</th>' in page
    assert '<th scope="row">a</th><td class="number">1,234.5</td>' in page
    assert "color: red" not in page


def test_what_is_not_for_readers_is_left_out():
    notebook = book(
        new_output("stream", name="stderr", text="warning at /secret/place"),
        shown({"text/plain": "<Axes: >"}),
        shown({records.MEDIA_TYPE: [], "text/plain": "Recorded"}),
    )
    for tag in ("injected-parameters", "remove-cell"):
        cell = new_code_cell(f"hidden_by_{tag[:6]} = 1")
        cell.metadata["tags"] = [tag]
        notebook.cells.append(cell)
    page = publish.render(notebook)
    for word in ("/secret/place", "Axes", "Recorded", "hidden_by"):
        assert word not in page


def test_a_link_that_leads_out_is_written_out():
    page = publish.render(book(text="# T\n\n[a paper](https://example.org/p) and <https://x.org>"))
    assert "a paper (https://example.org/p) and https://x.org" in page
    assert "<a href=" not in page.replace('<a class="skip"', "").split("<main")[1]


@pytest.mark.parametrize(
    ("fragment", "fault"),
    [
        ("<img src='https://x/y.png' alt='a'>", "outside"),
        ("<img src='data:,'>", "without alternative text"),
        ("<h1>again</h1>", "2 headings of level 1"),
        ("<h4>deep</h4>", "level 4 after 1"),
        ("<table><tr><th>a</th></tr></table>", "scope"),
        ("<script>1</script>", "script"),
        ("<style>@import url(//x)</style>", "outside"),
    ],
)
def test_the_last_look_finds_what_is_wrong(fragment, fault):
    good = '<html lang="en"><body><h1>t</h1>{}</body></html>'
    assert markup.faults(good.format("<p>https://in.text</p>")) == []
    assert any(fault in found for found in markup.faults(good.format(fragment)))


def test_the_same_notebook_gives_the_same_bytes(tmp_path):
    source = nbformat.read(NOTEBOOKS / "01_report.ipynb", as_version=4)
    given = {"site_id": "a", "api_key": "k"}
    stamp = job.provenance(NOTEBOOKS / "01_report.ipynb")
    stamp["parameters"] = job.fit_to_show(given)
    pages = [publish.render(source, stamp=stamp) for _ in range(2)]
    assert pages[0] == pages[1]
    assert ">hidden<" in pages[0]
    assert str(NOTEBOOKS) not in pages[0]


def test_figures_take_their_unit_from_value_name_or_word():
    array = xr.DataArray(2.5, attrs={"units": "kVA"})
    assert records.as_figure("peak", array) == records.Figure("peak", 2.5, "kVA", "Peak")
    assert records.as_figure("lost_kwh", np.float64("nan")).value is None
    assert records.as_figure("n", np.int64(3)).value == 3
    with pytest.raises(UserError, match="a single value"):
        records.as_figure("x", np.arange(3))
    with pytest.raises(UserError, match="dict cannot be recorded"):
        records.as_figure("x", {})


def test_figures_come_back_from_the_notebook():
    figures = [{"name": "a_kw", "value": 1.5, "unit": "kW", "label": "A"}]
    again = [{"name": "a_kw", "value": 2.5, "unit": "kW", "label": "A"}]
    notebook = book(*(shown({records.MEDIA_TYPE: data}) for data in (figures, again)))
    assert records.recorded(notebook) == [records.Figure("a_kw", 2.5, "kW", "A")]


def test_the_index_shows_failures_and_escapes_names(tmp_path):
    good = [{"name": "admd_kw", "value": 1234.5, "unit": "kW", "label": "ADMD"}]
    index.write(
        tmp_path,
        portfolio={"title": HOSTILE, "sources": [{"title": HOSTILE, "licence": "CC BY 4.0"}]},
        sites={"a": {"name": HOSTILE}, "b": {"name": "B"}, "../../x": {"name": "Escape"}},
        titles={"01_report": "Report?"},
        outcomes=[
            Outcome("a", "01_report", True, figures=good),
            Outcome("b", "01_report", False, cell=3, error="ValueError", message=HOSTILE),
            Outcome("../../x", "01_report", False, error="UnfitSiteId", message="must be …"),
        ],
    )
    page = (tmp_path / "index.html").read_text()
    assert "<script" not in page
    assert "cell 3: ValueError: &lt;script&gt;" in page
    assert ">1,234<" in page or ">1,235<" in page
    assert "CC BY 4.0" in page
    assert 'href="../' not in page


def test_code_is_marked_only_where_it_is_coloured():
    shown = markup.highlighted('for n in range(3):\n    print("a < b")  # why')
    assert re.findall(r'<span class="(\w+)">', shown) == ["k", "ow", "s2", "c1"]
    assert "range(3):" in shown and "a &lt; b" in shown
