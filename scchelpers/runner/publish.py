"""An executed notebook as one self-contained page.

The page holds everything it shows, has no script and refers to nothing outside; the same notebook
gives the same bytes.
"""

from __future__ import annotations

import base64
import copy
import html
import re
import struct
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import nbformat
from nbconvert import HTMLExporter, TemplateExporter

from scchelpers.faults import UserError
from scchelpers.report import NeedsData, records
from scchelpers.runner import files, markup
from scchelpers.runner.notebooks import name_in_words

_TEMPLATES = Path(__file__).with_name("template")
_LARGEST_KB = 500
_LEFT_OUT = {"injected-parameters", "remove-cell", "papermill-error-cell-tag"}
ANSWER, ANSWER_HEADING = "answer", "## Answer"
_IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
_ALONE = {"before": None, "after": None}
# What a data address may hold as it is, within double quotes.
_SAFE = " !$'()*+,-./:;=?@[]^_`{|}~"
_WHITE = re.compile(r"\s+")
_BARE = re.compile(r"\[?<.*>\]?|None|\[Text\(.*\)\]", re.S)


def render(
    notebook: nbformat.NotebookNode,
    *,
    site: dict[str, Any] | None = None,
    portfolio: dict[str, Any] | None = None,
    beside: dict[str, Any] | None = None,
    questions: Sequence[str] = (),
    stamp: dict[str, Any] | None = None,
) -> str:
    """Return an executed notebook as an HTML page.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Executed notebook; not changed.
    site : dict, optional
        `site_id`, `name`, `site_type`, `provenance`; texts from data, escaped here.
    portfolio : dict, optional
        `name` and `title`; the page links to the index of the portfolio.
    beside : dict, optional
        `before` and `after`: `site_id` and `name` of the neighbouring sites, or None.
    questions : sequence of str
        Names of the notebooks with a report of this site, in reading order.
    stamp : dict, optional
        Provenance, for the foot of the page.

    Raises
    ------
    UserError
        If the page would be unfit to publish, saying why.
    """
    shown = _for_readers(notebook)
    _expect_short(shown)
    body, _ = _exporter().from_notebook_node(shown)
    own = (stamp or {}).get("notebook", "")
    named = {name: name_in_words(name) for name in questions}
    body, title, contents = markup.tidy(body, {n: said for n, said in named.items() if n != own})
    title = title or html.escape(name_in_words(own or "report"))
    page = (
        environment()
        .get_template("report.html.j2")
        .render(
            body=body,
            heading=title,
            title=html.unescape(re.sub(r"<[^>]+>", "", title)),
            contents=contents,
            site=site,
            portfolio=portfolio,
            beside=beside or _ALONE,
            notebook=own,
            turns=_turns(named, own),
            stamp=None if stamp is None else {"data": {}, **stamp},
        )
    )
    wrong = markup.faults(page)
    if len(page) > _LARGEST_KB * 1000:
        wrong.append(f"{len(page) / 1000:.0f} kB is more than {_LARGEST_KB}; draw smaller figures")
    if wrong:
        raise UserError("the page is unfit to publish: " + "; ".join(dict.fromkeys(wrong)))
    return page


def marked(notebook: nbformat.NotebookNode, tag: str) -> list[str]:
    """Return the drawings that the cells with a tag left, as figures of a page."""
    cells = [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]
    return [
        _image(output, kind)
        for cell in cells
        for output in cell.get("outputs", [])
        for kind in _IMAGES
        if kind in output.get("data", {})
    ]


def _expect_short(notebook: nbformat.NotebookNode) -> None:
    """Refuse a text that no page could hold, before anything looks through it."""
    for number, cell in enumerate(notebook.cells, start=1):
        held = len(cell.source)
        for output in cell.get("outputs", []):
            forms = [output.get("text", ""), *output.get("data", {}).values()]
            held += max(len(text) for text in forms if isinstance(text, str))
        if held > _LARGEST_KB * 1000:
            raise UserError(
                f"the page is unfit to publish: cell {number} shows {held / 1000:,.0f} kB, a page "
                f"holds {_LARGEST_KB}; show less of it, or draw smaller figures"
            )


def _turns(named: dict[str, str], own: str) -> list[dict[str, str]]:
    """Return the questions before and after a report, as links of the same site."""
    order = list(named)
    if own not in order:
        return []
    place = order.index(own)
    return [
        {"rel": rel, "link": f"{order[at]}.html", "text": named[order[at]]}
        for rel, at in (("prev", place - 1), ("next", place + 1))
        if 0 <= at < len(order)
    ]


def failure(
    notebook: str,
    title: str,
    fault: str,
    *,
    site: dict[str, Any] | None,
    portfolio: dict[str, Any],
    beside: dict[str, Any] | None,
    questions: Sequence[str] = (),
) -> str:
    """Return the page that stands where a report could not be made; the rest is as of `render`."""
    template = environment().get_template("failed.html.j2")
    return template.render(
        notebook=notebook,
        heading=title,
        fault=fault,
        site=site,
        portfolio=portfolio,
        beside=beside or _ALONE,
        turns=_turns({name: name_in_words(name) for name in questions}, notebook),
    )


def put(reports: str | Path, place: str, template: str, about: dict[str, Any]) -> list[str]:
    """Write a page of a run, unless it lies there so; return what is wrong with it, if anything.

    A page that cannot be made stops no other: one that says so stands in its place.
    """
    wrong = ""
    try:
        page = environment().get_template(template).render(about)
        wrong = "; ".join(dict.fromkeys(markup.faults(page)))
    except Exception as fault:
        wrong = f"{type(fault).__name__}: {fault}"
    if wrong:
        page = environment().get_template("unfit.html.j2").render(fault=wrong[:400])
    if files.read(path := files.join(reports, place)) != page:
        files.write_whole(path, page)
    return [f"{place}: {wrong[:400]}"] if wrong else []


@cache
def environment() -> jinja2.Environment:
    """Return the environment of the page templates; every value is escaped."""
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    sheet = (_TEMPLATES / "page.css").read_text(encoding="utf-8")
    # Every page carries it: without the blanks that only people need it is a tenth shorter.
    pages.globals["style"] = re.sub(r"\s*([{};])\s*|(?<=:) ", r"\1", sheet).strip()
    pages.filters["words"] = lambda text: str(text).replace("_", " ")
    return pages


class _Exporter(HTMLExporter):
    """Leaves out the second look that nbconvert takes at the whole page: `markup` takes its own."""

    def from_notebook_node(self, nb, resources=None, **options):
        return TemplateExporter.from_notebook_node(self, nb, resources, **options)


@cache
def _exporter() -> HTMLExporter:
    return _Exporter(
        extra_template_basedirs=[str(_TEMPLATES.parent)],
        template_name=_TEMPLATES.name,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        filters={
            "highlight_code": markup.highlighted,
            "markdown2html": markup.from_markdown,
            "latex2html": markup.from_latex,
            "safe_html": markup.safe,
            "image": _image,
        },
    )


def _for_readers(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a copy without set-up cells, records, warnings and bare reprs."""
    notebook = copy.deepcopy(notebook)
    notebook.cells = [
        cell for cell in notebook.cells if _LEFT_OUT.isdisjoint(cell.metadata.get("tags", []))
    ]
    notebook.cells = _answer_first(_as_far_as_it_went(notebook.cells))
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        tags = cell.metadata.get("tags", [])
        cell.outputs = [] if "hide-output" in tags else [o for o in cell.outputs if _shown(o)]
        cell.metadata["transient"] = {
            # Of a sentence the page shows what it says, not how.
            "remove_source": "remove-input" in tags
            or not cell.source.strip()
            or cell.source.startswith("%%say")
        }
        for output in cell.outputs:
            _give_alt(cell, output)
    notebook.cells = _code_together(notebook.cells)
    return notebook


def _as_far_as_it_went(cells: list) -> list:
    """Return the cells up to the one that lacked data, what it says as the answer; else all."""
    for number, cell in enumerate(cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error" and output.ename == NeedsData.__name__:
                *before, said = [o for o in cell.outputs if o.output_type != "error"]
                cell.outputs = before
                answer = nbformat.v4.new_code_cell("%%say", outputs=[said])
                answer.metadata["tags"] = [ANSWER]
                return [*cells[: number + 1], answer]
    return cells


def _answer_first(cells: list) -> list:
    """Return cells with those tagged `answer` under the title, their own heading left out."""
    answers = [n for n, cell in enumerate(cells) if ANSWER in cell.metadata.get("tags", [])]
    if not answers or not cells or cells[0].cell_type != "markdown":
        return cells
    moved = [cells[n] for n in answers]
    headings = {n for n, cell in enumerate(cells) if cell.source.strip() == ANSWER_HEADING}
    rest = [cell for n, cell in enumerate(cells) if n not in {*answers, *headings}]
    return [rest[0], *moved, *rest[1:]]


def _code_together(cells: list) -> list:
    """Put code that shows nothing under the same fold as the code cell that follows."""
    kept: list = []
    for cell in cells:
        before = kept[-1] if kept else None
        if (
            before is not None
            and cell.cell_type == before.cell_type == "code"
            and not before.outputs
            and not before.metadata["transient"]["remove_source"]
            and not cell.metadata["transient"]["remove_source"]
        ):
            cell.source = f"{before.source}\n\n{cell.source}"
            kept.pop()
        kept.append(cell)
    return kept


def _shown(output) -> bool:
    if output.output_type == "stream":
        return output.name == "stdout"
    data = output.get("data", {})
    if records.MEDIA_TYPE in data:
        return False
    return not (set(data) == {"text/plain"} and _BARE.fullmatch(data["text/plain"].strip()))


def _give_alt(cell, output) -> None:
    """Give a picture without an alternative text one that names the code that drew it."""
    for kind in _IMAGES:
        if kind in output.get("data", {}) and not _metadata(output, kind).get("alt", "").strip():
            lines = [line.strip() for line in cell.source.splitlines() if line.strip()]
            last = lines[-1][:120] if lines else "a cell without code"
            output.metadata[kind] = {"alt": f"A figure without a description, drawn by: {last}"}


def _metadata(output, kind: str) -> dict:
    """Return the metadata of one form of an output, whether kept by form or for all of them."""
    metadata = output.get("metadata", {})
    return {**metadata, **metadata.get(kind, {})}


def _image(output, kind: str) -> str:
    """Return an image as a figure that is part of the page."""
    data = "".join(output["data"][kind])
    metadata = _metadata(output, kind)
    if kind == "image/svg+xml":
        # As text it takes three quarters of the room of base64.
        address = f"data:{kind},{quote(_WHITE.sub(' ', data), safe=_SAFE)}"
        size = _svg_size(data)
    else:
        data = "".join(data.split())
        address = f"data:{kind};base64,{data}"
        size = _png_size(data, metadata) if kind == "image/png" else ""
    alt = html.escape(metadata["alt"].strip(), quote=True)
    return f'<figure><img src="{address}" alt="{alt}"{size}></figure>'


def _png_size(data: str, metadata: dict) -> str:
    """Return the width and height of a PNG as attributes, so that the page does not jump."""
    width, height = struct.unpack(">II", base64.b64decode(data[:32])[16:24])
    shown = metadata.get("width") or width
    return f' width="{int(shown)}" height="{round(height * int(shown) / width)}"'


def _svg_size(data: str) -> str:
    """Return the width and height of an SVG in CSS pixels as attributes, "" if it does not say."""
    head = data[data.find("<svg") :][:2000].partition(">")[0]
    found = re.search(r'\bheight="([\d.]+)pt".*\bwidth="([\d.]+)pt"', head, re.S)
    if not found:
        return ""
    height, width = (round(float(side) * 4 / 3) for side in found.groups())
    return f' width="{width}" height="{height}"'
