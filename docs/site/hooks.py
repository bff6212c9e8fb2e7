"""What `make docs` adds to the pages of `docs/`: the first hour, a gallery, the API, what's new.

The first hour and the gallery are made from notebooks that ran on the demo
(`build/first-hour.ipynb`, `build/reports`), the API from docstrings.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import nbformat
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "build"
# The site shown for a notebook, or the whole portfolio; else:
SHOWN = {"03_clm_volatility": "harbour-works", "10_where_to_connect": "_portfolio"}
SITE = "elm-road-lamps"
# Pages that lie outside `docs/`, by their place in the site.
OUTSIDE = {
    "index.md": "README.md",
    "whats-new.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
    "data.md": "data/README.md",
    "benchmarks.md": "benchmarks/README.md",
    "reference-cpms.md": "examples/cpms/README.md",
}
ROOMS = {
    "api/data.md": ("Data", ["portfolio", "site", "timebase", "importers"]),
    "api/charging.md": ("Charging and measures", ["charging", "measures", "years"]),
    "api/methods.md": (
        "Methods",
        ["diversity", "tcc", "clm", "coincidence", "baselines", "network", "business", "choice"],
    ),
    "api/connections.md": ("Connections", ["register", "compliance", "standards"]),
    "api/reports.md": ("Reports", ["report"]),
}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#:\s]+)(#[^)]*)?\)")


def on_files(files, config):
    """Add the pages that lie outside `docs/` and those that are made."""
    if not (BUILT / "first-hour.ipynb").exists():
        raise PluginError("the demo has not been run for the gallery: use `make docs`")

    def add(place: str, text: str | bytes):
        files.append(File.generated(config, place, content=text))

    for place, source in OUTSIDE.items():
        add(place, (ROOT / source).read_text(encoding="utf-8"))
    for place, (title, rooms) in ROOMS.items():
        add(place, "\n\n".join([f"# {title}", *(f"::: scchelpers.{room}" for room in rooms)]))
    notebook = nbformat.read(BUILT / "first-hour.ipynb", as_version=4)
    body, resources = MarkdownExporter().from_notebook_node(_readable(notebook))
    add("first-hour.md", re.sub(r"<style.*?</style>", "", body, flags=re.S))
    for name, picture in resources["outputs"].items():
        add(name, picture)
    add("gallery.md", "\n".join(_gallery(add)))
    for report in (BUILT / "reports").rglob("*.html"):
        place = "reports/" + report.relative_to(BUILT / "reports").as_posix()
        files.append(File.generated(config, place, abs_src_path=str(report)))
    return files


def on_page_markdown(markdown, page, **_):
    """Point links at the place of each file in the site; what is not in it is named only."""
    source = OUTSIDE.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    places = {at: place for place, at in OUTSIDE.items()}

    def pointed(found) -> str:
        mark, text, target, anchor = found.groups()
        there = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if there.startswith("notebooks/"):
            stem = Path(there).stem
            card = f"gallery.md#{stem}" if stem[0].isdigit() else ""  # `explore` has none
            place = "first-hour.md" if stem.startswith("00") else card
        elif there.startswith("docs/"):
            place = there.removeprefix("docs/")
        else:
            place = places.get(there, "")
        if not place:
            return text
        near = posixpath.relpath(place, posixpath.dirname(page.file.src_uri) or ".")
        return f"{mark}[{text}]({near}{anchor or ''})"

    return LINK.sub(pointed, markdown) if page.file.src_uri != "first-hour.md" else markdown


def _readable(notebook):
    """Return a notebook without cells meant for tests, and its tables as a page shows them."""
    kept = [c for c in notebook.cells if "remove-cell" not in c.metadata.get("tags", [])]
    notebook.cells = [c for c in kept if not c.source.startswith("%%say") or c.outputs]
    return notebook


def _gallery(add):
    """Write a card for each notebook: its question, its answer at a demo site, its first figure."""
    yield "# Gallery\n\nEach notebook at a site of the made-up demo portfolio."
    for path in sorted((ROOT / "notebooks").glob("[01][0-9]_*.ipynb")):
        site = SHOWN.get(path.stem, SITE)
        ran = BUILT / "reports" / site / path.name
        if not ran.exists():
            continue
        cells = nbformat.read(ran, as_version=4).cells
        question = cells[0].source.splitlines()[0].removeprefix("# ")
        yield f"\n## {question} {{#{path.stem}}}\n"
        shown = [(cell, output) for cell in cells for output in cell.get("outputs", [])]
        answers = [
            output["data"]["text/markdown"]
            for cell, output in shown
            if "answer" in cell.metadata.get("tags", []) and "text/markdown" in output["data"]
        ]
        for _, output in shown:
            if drawing := output.get("data", {}).get("image/svg+xml"):
                add(f"reports/{path.stem}.svg", drawing)
                alt = output["metadata"].get("image/svg+xml", {}).get("alt", question)
                alt = re.sub(r"[\[\]()]", "", alt).replace("\n", " ")
                yield f"![{alt}](reports/{path.stem}.svg){{ loading=lazy }}\n"
                break
        answer = re.sub(r"\n(?=- )", "\n\n", "\n\n".join(answers[:1]))  # a list begins anew
        yield "\n".join(f"> {line}" for line in answer.splitlines())
        yield f"\n[Report](reports/{site}/{path.stem}.html) · `{path.name}`\n"


def on_post_page(output, page, **_):
    """Load the script that searches pages opened as files from the site itself."""
    near = posixpath.relpath("site/iframe-worker.js", posixpath.dirname(page.file.dest_uri) or ".")
    return output.replace("https://unpkg.com/iframe-worker/shim", near)


def on_post_template(output, template_name, **_):
    """Do the same in the page that says a page is missing."""
    return output.replace("https://unpkg.com/iframe-worker/shim", "/site/iframe-worker.js")
