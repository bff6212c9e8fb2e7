"""Every figure that a cell leaves, as a small drawing with a text that says what it shows.

Matplotlib writes each mark with its own groups, identifiers and full style. Here groups without a
meaning are unwrapped, styles that recur become classes named after what they say (so that figures
on one page cannot restyle each other), coordinates are rounded to a tenth of a point, and each
colour of the style gets a partner for readers whose screen is dark.
"""

from __future__ import annotations

import colorsys
import hashlib
import io
import os
import re
import textwrap
import warnings
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

STYLE = Path(__file__).with_name("workbook.mplstyle")
WIDEST_IN = 5.6  # at 11 points still legible when a phone shows it at 390 pixels
_SHORT = 32  # characters that fit anywhere
# Figures are laid out in the first, which Matplotlib ships and which is about the widest of these:
# a reader without it sees one of the others, and names keep to their places.
_FONTS = "'DejaVu Sans', Verdana, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
PAPER, DARK_PAPER = "#ffffff", "#141b20"
LARGEST = 150_000  # characters; above it marks are drawn as pixels
_MANY_POINTS = 1500
_MANY_COLOURS = 24  # a picture of values, such as a heat map: its colours mean numbers and stay
INLINE = "module://matplotlib_inline.backend_inline"
_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_PLACES = ("d", "x", "y", "width", "height", "transform")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # a name from data may hold them
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")


def join(shell) -> None:
    """Draw the figures of a shell in the style of the workbook and show them as drawings."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure
    from matplotlib_inline.backend_inline import configure_inline_support

    mpl.use(INLINE)
    plt.switch_backend(INLINE)
    configure_inline_support(shell, INLINE)
    mpl.interactive(True)  # the shell shows only what was drawn so
    if os.environ.get("SCC_COMPARED"):
        shell.ast_node_interactivity = "none"  # no addresses of artists in what is compared
    plt.style.use(STYLE)
    # seaborn's grids lay themselves out; the reader of a page need not hear of it.
    warnings.filterwarnings("ignore", "The figure layout has changed to tight")
    formatters = shell.display_formatter.formatters
    for kind in ("image/png", "image/jpeg", "application/pdf"):
        formatters[kind].pop(Figure, None)
    formatters["image/svg+xml"].for_type(Figure, _drawn)
    formatters["text/plain"].for_type(Figure, lambda figure, text, _: text.text(_described(figure)))


def describe(drawn, text: str):
    """Give a figure the text that stands for it where it cannot be seen.

    Parameters
    ----------
    drawn : matplotlib Figure or Axes, or seaborn grid
        What was drawn.
    text : str
        What it shows, in a sentence or two.

    Returns
    -------
    The figure's own object, as it was given.

    Examples
    --------
    >>> import matplotlib.figure
    >>> figure = matplotlib.figure.Figure()
    >>> _described(describe(figure, "Load stays below the rating."))
    'Load stays below the rating.'
    """
    figure = getattr(drawn, "figure", None) or getattr(drawn, "fig", None) or drawn
    figure.scc_description = " ".join(text.split())
    return drawn


def _described(figure) -> str:
    """Return the text of a figure: the one given, or one made from title, axes and ranges."""
    given = getattr(figure, "scc_description", "")
    if given:
        return given
    parts = [figure.get_suptitle()] if figure.get_suptitle() else []
    for ax in figure.axes[:6]:
        title = next((t for t in (ax.get_title(loc=side) for side in ("left", "center")) if t), "")
        lines = [title.strip().rstrip(".")] if title.strip() else []
        lines += [text for axis in (ax.xaxis, ax.yaxis) if (text := _axis(axis))]
        names = [text for text in ax.get_legend_handles_labels()[1] if not text.startswith("_")]
        if names:
            lines.append("shown: " + ", ".join(dict.fromkeys(names)))
        if lines:
            parts.append("; ".join(lines))
    return ". ".join(parts) + "." if parts else "A figure without title or named axes."


def _axis(axis) -> str:
    name = " ".join(axis.get_label_text().split())
    ticks = [text for label in axis.get_ticklabels() if (text := label.get_text().strip())]
    if not name and not ticks:
        return ""
    span = f"{ticks[0]} to {ticks[-1]}" if len(ticks) > 1 else "".join(ticks)
    return ", ".join(part for part in (name or "axis", span) if part)


def _drawn(figure) -> tuple[str, dict[str, str]] | None:
    if os.environ.get("SCC_COMPARED"):  # its text alone: what is shown will be compared
        return None
    said = _described(figure)
    return svg(figure, said), {"alt": " ".join(said.split())}


def svg(figure, said: str | None = None) -> str:
    """Return a figure as SVG with its text as title: the same drawing for the same figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure; one that is wider than a page is brought to its width.
    said : str, optional
        Its text, where it is known already.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    said = _described(figure) if said is None else said
    width, height = figure.get_size_inches()
    if width > WIDEST_IN:
        figure.set_size_inches(WIDEST_IN, height)
    shown_on, dpi = figure.canvas, figure.dpi
    # What is measured is what will be written: laid out once, and again only if a text was broken.
    canvas, figure.dpi = FigureCanvasSVG(figure), 72
    try:
        _lay_out(figure)
        with figure._cm_set(layout_engine="none"):
            text = _written(canvas, said)
            if len(text) > LARGEST:
                for artist in figure.findobj(_is_large):
                    artist.set_rasterized(True)
                text = _written(canvas, said)
    finally:
        figure.canvas, figure.dpi = shown_on, dpi
    root = ElementTree.fromstring(_NOT_XML.sub("", text))
    for element in list(root):
        if element.tag == f"{{{_SVG}}}metadata":
            root.remove(element)
    _unwrap(root)
    for element in root.iter():
        _shorten(element)
    _share_styles(root)
    root.set("font-family", _FONTS)
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK)
    return ElementTree.tostring(root, encoding="unicode")


def _lay_out(figure) -> None:
    """Put everything where it will be drawn; break titles and names that run out of the figure."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    texts = [text for ax in figure.axes for text in (ax.title, ax._left_title)]
    texts += [text for ax in figure.axes for text in (ax.xaxis.label, ax.yaxis.label)]
    texts += [figure._suptitle] if figure._suptitle is not None else []
    long = [text for text in texts if len(text.get_text()) > _SHORT and text.get_visible()]
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    if long and not isinstance(engine, ConstrainedLayoutEngine):
        figure.draw_without_rendering()  # where a text stands is known only then
    if _broken(figure, long) and engine is not None:
        engine.execute(figure)


def _broken(figure, texts) -> bool:
    """Break those texts that run out of the figure; return whether any did."""
    broken, renderer = False, figure._get_renderer() if texts else None
    wide, high = figure.bbox.width, figure.bbox.height
    for text in texts:
        box, words = text.get_window_extent(renderer), " ".join(text.get_text().split())
        along, room = ("y", high) if text.get_rotation() == 90 else ("x", wide)
        start, end = (getattr(box, f"{along}{side}") for side in "01")
        beyond = max(-start, end - room + 2, 0)
        if beyond and "$" not in words:
            # What is centred gives way on both sides.
            fits = (end - start - (1 if text.get_ha() == "left" else 2) * beyond) / (end - start)
            text.set_text(textwrap.fill(words, max(18, int(len(words) * fits))))
            broken = True
    return broken


def _written(canvas, said: str) -> str:
    import matplotlib as mpl

    drawn = io.StringIO()
    unsaid = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "scchelpers"}):
        canvas.figure.dpi = 120  # of what is drawn as pixels
        canvas.print_svg(drawn, metadata=unsaid | {"Title": said})
    return drawn.getvalue()


def _is_large(artist) -> bool:
    for count in ("get_offsets", "get_xdata", "get_array"):
        if hasattr(artist, count):
            held = getattr(artist, count)()
            if held is not None and getattr(held, "size", len(held)) > _MANY_POINTS:
                return True
    return False


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
            element.set(name, _in_steps(text) if name == "d" else text)
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    if "style" in element.attrib:
        rules = [rule.strip().replace(": ", ":") for rule in element.get("style").split(";")]
        # The font is said once, for the whole figure.
        stated = [rule for rule in rules if rule and not rule.startswith("font-family:")]
        element.set("style", ";".join(stated))


def _in_steps(path: str) -> str:
    """Return a path of straight lines as steps from point to point, which take less room.

    Examples
    --------
    >>> _in_steps("M10 20L13.4 20L13.4 18.5z")
    'M10 20h3.4v-1.5z'
    """
    points = re.findall(r"([MLz])(?:(-?[\d.]+) (-?[\d.]+))?", path)
    if "".join(letter + (f"{x} {y}" if x else "") for letter, x, y in points) != path:
        return path  # there are curves in it
    told, at = [], (0, 0)
    for letter, x, y in points:
        if letter == "z":
            told.append("z")
            continue
        new = (round(10 * float(x)), round(10 * float(y)))  # in tenths: no error adds up
        across, down = (f"{(b - a) / 10:g}" for a, b in zip(at, new, strict=True))
        if letter == "M":
            told.append(f"M{x} {y}")
        elif new[1] == at[1]:
            told.append(f"h{across}")
        else:
            told.append(f"v{down}" if new[0] == at[0] else f"l{across} {down}")
        at = new
    return "".join(told)


def _tenth(found: re.Match) -> str:
    return f"{float(found.group()) + 0.0:.1f}".removesuffix(".0")


def _share_styles(root: ElementTree.Element) -> None:
    """Replace each style that recurs by a class, and each colour by one that can turn dark."""
    for element in root.iter(f"{{{_SVG}}}text"):
        if "fill:" not in element.get("style", ""):
            element.set("style", ";".join(filter(None, [element.get("style", ""), "fill:#000000"])))
    colours = {c for e in root.iter() for c in _COLOUR.findall(e.get("style", ""))}
    few = len(colours) <= _MANY_COLOURS
    turned = {c: f"var(--c{c[1:]})" for c in sorted(colours) if few or _is_grey(c)}
    for element in root.iter():
        if "style" in element.attrib:
            told = _COLOUR.sub(lambda c: turned.get(c.group(), c.group()), element.get("style"))
            element.set("style", told)
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
    light = "".join(f"--c{c[1:]}:{c};" for c in turned)
    dark = "".join(f"--c{c[1:]}:{dark_of(c)};" for c in turned)
    sheet = next(root.iter(f"{{{_SVG}}}style"))
    sheet.text = (
        f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"
        "path,rect{stroke-linejoin:round;stroke-linecap:butt}" + "".join(rules)
    )


def _is_grey(colour: str) -> bool:
    return _hls(colour)[2] < 0.25


def _hls(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return colorsys.rgb_to_hls(red, green, blue)


def dark_of(colour: str) -> str:
    """Return the colour that stands for another on dark paper.

    Examples
    --------
    >>> dark_of("#ffffff"), dark_of("#0a5f9e")
    ('#141b20', '#61b6f5')
    """
    if colour == PAPER:
        return DARK_PAPER
    hue, light, full = _hls(colour)
    # What is near the paper stays near it; what stands out from it stands out as much.
    light = 1 - 0.9 * light if full < 0.25 else max(light, min(0.67, 1 - light))
    turned = colorsys.hls_to_rgb(hue, light, full)
    return "#" + "".join(f"{round(255 * part):02x}" for part in turned)
