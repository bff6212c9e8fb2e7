"""The one way to show a figure: as a small SVG, in which text stays text.

Matplotlib writes each mark with its own groups, identifiers and full style. Here groups without a
meaning are unwrapped, styles that recur become classes named after what they say (so that figures
on one page cannot restyle each other), and coordinates are rounded to a tenth of a point.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt

from scchelpers.figures.style import STYLE

# Figures are laid out in the first, which Matplotlib ships and which is about the widest of these:
# a reader without it sees one of the others, and names keep to their places.
FONTS = "'DejaVu Sans', Verdana, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_PLACES = ("d", "x", "y", "width", "height", "transform")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # a name from data may hold them
_WRITING = {"svg.fonttype": "none", "svg.hashsalt": "scchelpers"}


def show(figure: tuple[plt.Figure, str] | None) -> None:
    """Display a figure with its alt text and close it; None shows nothing.

    Parameters
    ----------
    figure : tuple of (matplotlib.figure.Figure, str), or None
        What the figure functions return.
    """
    if figure is None:
        return
    from IPython.display import display

    drawn, alt = figure
    drawing = svg(drawn, alt)
    plt.close(drawn)
    display(
        {"image/svg+xml": drawing, "text/plain": alt},
        metadata={"image/svg+xml": {"alt": alt}},
        raw=True,
    )


def svg(figure: plt.Figure, alt: str) -> str:
    """Return a figure as SVG with its alt text as title: the same text for the same figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Figure in the style of the workbook.
    alt : str
        What it shows.
    """
    drawn = io.StringIO()
    unsaid = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with mpl.rc_context(STYLE | _WRITING):
        figure.savefig(drawn, format="svg", metadata=unsaid | {"Title": alt})
    root = ElementTree.fromstring(_NOT_XML.sub("", drawn.getvalue()))
    for element in list(root):
        if element.tag == f"{{{_SVG}}}metadata":
            root.remove(element)
    _unwrap(root)
    for element in root.iter():
        _shorten(element)
    _share_styles(root)
    root.set("font-family", FONTS)
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK)
    return ElementTree.tostring(root, encoding="unicode")


def _unwrap(parent: ElementTree.Element) -> None:
    """Put the members of groups that only carry a name in their place."""
    members = []
    for element in parent:
        _unwrap(element)
        bare = element.tag == f"{{{_SVG}}}g" and set(element.attrib) <= {"id"}
        members += list(element) if bare else [element]
    parent[:] = members
    if len(parent):
        parent.text = None
    for element in members:
        element.tail = None


def _shorten(element: ElementTree.Element) -> None:
    for name in _PLACES:
        if name in element.attrib:
            text = re.sub(r"-?\d+\.\d+", _tenth, element.get(name))
            text = re.sub(r"\s*([MLQCz])\s*", r"\1", text).strip()
            element.set(name, text)
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    if "style" in element.attrib:
        rules = [rule.strip().replace(": ", ":") for rule in element.get("style").split(";")]
        # The font is said once, for the whole figure.
        stated = [rule for rule in rules if rule and not rule.startswith("font-family:")]
        element.set("style", ";".join(stated))


def _tenth(found: re.Match) -> str:
    return f"{float(found.group()) + 0.0:.1f}".removesuffix(".0")


def _share_styles(root: ElementTree.Element) -> None:
    """Replace each style that recurs by a class."""
    recurring = Counter(e.get("style") for e in root.iter() if "style" in e.attrib)
    rules = []
    for style, times in recurring.items():
        if times > 1:
            name = "s" + hashlib.sha256(style.encode()).hexdigest()[:5]
            rules.append(f".{name}{{{style}}}")
            for element in root.iter():
                if element.get("style") == style:
                    del element.attrib["style"]
                    element.set("class", name)
    sheet = next(root.iter(f"{{{_SVG}}}style"))
    sheet.text = "path,rect{stroke-linejoin:round;stroke-linecap:butt}" + "".join(rules)
