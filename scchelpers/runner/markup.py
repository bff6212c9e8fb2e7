"""Making what a notebook wrote fit for a page: safe, ordered, self-contained, accessible."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from html.parser import HTMLParser

import bleach
import pygments
from bs4 import BeautifulSoup, Tag
from latex2mathml.converter import convert as latex_to_mathml
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES, Text

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_TEXT = """
    a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure
    h1 h2 h3 h4 h5 h6 hr i kbd li ol p pre s small span strong sub summary sup table tbody td
    tfoot th thead tr u ul var
""".split()  # noqa: SIM905
_MATH = """
    math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover
    mtable mtr mtd mstyle mpadded mphantom menclose
""".split()  # noqa: SIM905
_MATH_ATTRIBUTES = """
    display displaystyle scriptlevel stretchy fence form separator lspace rspace mathvariant width
    height depth linethickness accent accentunder columnalign columnspacing rowspacing largeop
    movablelimits minsize maxsize notation
""".split()  # noqa: SIM905
_ATTRIBUTES = {
    "a": ["href", "title"],
    "abbr": ["title"],
    "ol": ["start"],
    "td": ["colspan", "rowspan"],
    "th": ["colspan", "rowspan", "scope"],
    **dict.fromkeys(_MATH, _MATH_ATTRIBUTES),
}
_STYLE, _STYLE_END = re.compile(r"<style\b", re.I), re.compile(r"</style\s*>", re.I)
_NUMBER = re.compile(r"[-+−]?[£]?[\d.,\s ]*\d\s*%?|[-–—]|nan|NaN", re.ASCII)
_OUTSIDE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//|\s*(?:https?|file|ftp):", re.I)
_STYLE_REFERENCE = re.compile(r"@import|url\(\s*[\"']?(?!data:)", re.I)
# Kinds of code that the style sheet tells apart, by their classes.
_CLASSES = {"k", "kn", "kc", "ow", "bp", "c1", "s1", "s2", "sa", "si"}
_COLOURED = {kind for kind, name in STANDARD_TYPES.items() if name in _CLASSES}
_LONGEST_LATEX = 4000
_ADDRESSES = ("src", "href", "srcset", "action", "data", "poster", "background")


class _Renderer(IPythonRenderer):
    """Markdown to HTML with every equation as MathML."""

    def block_math(self, body: str) -> str:
        return mathml(body, display="block")

    def inline_math(self, body: str) -> str:
        return mathml(body)

    def latex_environment(self, name: str, body: str) -> str:
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", display="block")


def mathml(latex: str, display: str = "inline") -> str:
    r"""Return LaTeX as MathML, which browsers show without a script.

    What cannot be converted is shown as its LaTeX.

    Examples
    --------
    >>> mathml(r"g_\infty")[:31]
    '<math display="inline"><mrow><m'
    """
    try:
        if len(latex) > _LONGEST_LATEX:  # its converter takes the square of the length
            raise ValueError(len(latex))
        converted = latex_to_mathml(latex.strip(), display=display)
    except Exception:  # the converter names no exception of its own for bad input
        return f"<code>{html.escape(latex)}</code>"
    return re.sub(r'\s?xmlns="[^"]*"', "", converted)


@lru_cache(maxsize=1000)  # site after site has the same text
def from_markdown(source: str) -> str:
    """Return Markdown as safe HTML."""
    return safe(
        MarkdownWithMath(renderer=_Renderer(escape=False, exclude_anchor_links=True)).render(source)
    )


def from_latex(source: str) -> str:
    """Return a LaTeX output (`$…$` or `$$…$$`) as MathML."""
    return safe(mathml(source.strip().strip("$"), display="block"))


def safe(markup: str) -> str:
    """Return HTML in which only harmless elements are left; any other is shown as text.

    Examples
    --------
    >>> safe("<p>a <script>alert(1)</script></p>")
    '<p>a &lt;script&gt;alert(1)&lt;/script&gt;</p>'
    """
    first, *styled = _STYLE.split(markup)  # in one pass, however many are never closed
    rest = (_STYLE_END.split(part, maxsplit=1) for part in styled)
    kept = (parts[1] if len(parts) > 1 else f"&lt;style{parts[0]}" for parts in rest)
    return _cleaner().clean("".join([first, *kept]))


@cache
def _cleaner() -> bleach.Cleaner:
    return bleach.Cleaner(
        tags=[*_TEXT, *_MATH], attributes=_ATTRIBUTES, protocols=["http", "https", "mailto"]
    )


def highlighted(source: str, metadata: dict | None = None) -> str:
    """Return code as HTML in which only what is coloured is marked."""
    return _highlighted(source)


@lru_cache(maxsize=1000)
def _highlighted(source: str) -> str:
    tokens = pygments.lex(source, get_lexer_by_name("ipython3"))
    few = ((kind if kind in _COLOURED else Text, text) for kind, text in tokens)
    return pygments.format(few, HtmlFormatter(cssclass="highlight"))


def tidy(
    body: str, reports: Mapping[str, str] | None = None
) -> tuple[str, str, list[tuple[str, str]]]:
    """Set the body of a page in order.

    The first `h1` becomes the title of the page, any other an `h2`; no level is skipped; headings
    get anchors; header cells get their scope; wide tables scroll by themselves; the name of another
    notebook becomes a link to its report; links that lead out are written out, since a report
    refers to nothing outside its run.

    Parameters
    ----------
    body : str
        HTML of the cells.
    reports : mapping of str to str, optional
        Name of each notebook with a report of the same site, and what a link to it says.

    Returns
    -------
    body, title : str
        The title is the inner HTML of the first `h1`, "" if there is none.
    contents : list of (str, str)
        Anchor and text of each `h2`.
    """
    soup = BeautifulSoup(body, "html.parser")
    first = soup.find("h1")
    title = first.extract().decode_contents() if first else ""
    contents = _order_headings(soup)
    for number, table in enumerate(soup.find_all("table"), start=1):
        _tidy_table(soup, table, number)
    for link in soup.find_all("a"):
        address = str(link.get("href", ""))
        if not address.startswith("#"):
            text = link.get_text()
            link.replace_with(text if not address or address in text else f"{text} ({address})")
    for code in soup.find_all("code"):
        if (name := code.get_text()) in (reports or {}) and not code.find_parent(("a", "pre")):
            link = soup.new_tag("a", href=f"{name}.html")
            link.string = reports[name]
            code.replace_with(link)
    return str(soup), title, contents


def _order_headings(soup: BeautifulSoup) -> list[tuple[str, str]]:
    contents, used, level = [], set(), 1
    for heading in soup.find_all(HEADINGS):
        level = min(max(int(heading.name[1]), 2), level + 1)
        heading.name = f"h{level}"
        text = heading.get_text().strip()
        heading["id"] = _anchor(text, used)
        if level == 2:
            contents.append((heading["id"], text))
    return contents


def _anchor(text: str, used: set[str]) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "section"
    anchor, number = slug, 2
    while anchor in used:
        anchor, number = f"{slug}-{number}", number + 1
    used.add(anchor)
    return anchor


def _tidy_table(soup: BeautifulSoup, table: Tag, number: int) -> None:
    for cell in table.find_all("th"):
        if not cell.get_text().strip():
            cell.name = "td"
            cell.attrs.pop("scope", None)
        elif not cell.get("scope"):
            cell["scope"] = "col" if cell.find_parent("thead") else "row"
    for cell in table.find_all("td"):
        if _NUMBER.fullmatch(cell.get_text().strip()):
            cell["class"] = "number"
    head, body = table.find("thead"), table.find("tbody")
    if head and body:  # a header stands over its figures as they stand
        columns = [row.find_all(["td", "th"]) for row in body.find_all("tr", limit=1)]
        for row in head.find_all("tr"):
            cells = row.find_all(["td", "th"])
            for cell, under in zip(cells, *columns, strict=False) if columns else ():
                if "number" in under.get("class", "") and not cell.get("colspan"):
                    cell["class"] = "number"
    caption = table.find("caption")
    label = caption.get_text().strip() if caption else f"Table {number}"
    table.wrap(soup.new_tag("div", attrs={"class": "table", "role": "region", "tabindex": "0"}))
    table.parent["aria-label"] = label


def faults(page: str) -> list[str]:
    """Return what makes a page unfit to publish; none in a good one.

    Checked: no reference leads out, every image has its alternative text, there is one `h1`, no
    heading level is skipped, header cells have a scope, the language is set, no script.
    """
    look = _Look()
    look.feed(page)
    look.close()
    found = look.found
    levels = look.levels
    if levels.count(1) != 1:
        found.append(f"{levels.count(1)} headings of level 1")
    found += [
        f"heading level {below} after {above}"
        for above, below in itertools.pairwise(levels)
        if below > above + 1
    ]
    if not look.language:
        found.append("language not set")
    return found


class _Look(HTMLParser):
    """Reads a page once and notes what is wrong with its elements."""

    def __init__(self):
        super().__init__()
        self.found: list[str] = []
        self.levels: list[int] = []
        self.language = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note what is wrong with an element and its attributes."""
        said = {name: value or "" for name, value in attributes}
        self.found += [
            f"reference to outside: {name}={said[name]!r}"
            for name in _ADDRESSES
            if _OUTSIDE.match(said.get(name, ""))
        ]
        if _STYLE_REFERENCE.search(said.get("style", "")):
            self.found.append("style that refers to outside")
        if tag in HEADINGS:
            self.levels.append(int(tag[1]))
        elif tag == "img":
            if not said.get("alt", "").strip():
                self.found.append("image without alternative text")
            if not said.get("src", "").startswith("data:"):
                self.found.append("image that is not part of the page")
        elif tag == "th" and not said.get("scope"):
            self.found.append("header cell without scope")
        elif tag == "script":
            self.found.append("script")
        elif tag == "html":
            self.language = said.get("lang", "")

    def handle_data(self, data: str) -> None:
        """Note a reference in the text of a style element."""
        if self.cdata_elem == "style" and _STYLE_REFERENCE.search(data):
            self.found.append("style that refers to outside")
