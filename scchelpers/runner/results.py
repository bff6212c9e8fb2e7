"""The results of a portfolio's runs, brought together: status, figures, index."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scchelpers.runner import index, journal
from scchelpers.runner import notebooks as books
from scchelpers.runner.files import join, write_whole
from scchelpers.runner.job import Outcome


def gather(
    reports: str,
    portfolio: Mapping[str, Any],
    about: Mapping[str, Mapping[str, str]],
    paths: Mapping[str, Path],
) -> None:
    """Write status, figures and index from the last outcome of each site and notebook.

    Parameters
    ----------
    reports : str
        Folder of the portfolio's reports.
    portfolio : mapping
        `title`, `description` and `sources`, as in `portfolio.toml`.
    about : mapping of str to mapping
        Site id to what the index says of the site; other sites are of the past and left out.
    paths : mapping of str to pathlib.Path
        Notebook name to its source, where it is at hand.
    """
    known = [outcome for outcome in journal.outcomes(reports) if outcome.site_id in about]
    place = {site_id: n for n, site_id in enumerate(about)}
    known.sort(key=lambda outcome: (outcome.notebook, place[outcome.site_id]))
    lines = (json.dumps(asdict(outcome)) + "\n" for outcome in known)
    write_whole(join(reports, journal.STATUS), "".join(lines))
    write_whole(join(reports, "results.parquet"), as_parquet(known))
    titles = {
        outcome.notebook: books.title(paths[outcome.notebook])
        if outcome.notebook in paths
        else books.name_in_words(outcome.notebook)
        for outcome in known
    }
    index.write(reports, portfolio=portfolio, sites=about, titles=titles, outcomes=known)


def as_parquet(outcomes: list[Outcome]) -> bytes:
    """Return the recorded figures as a Parquet file, one row a figure, texts beside numbers."""
    rows = [
        {
            "site_id": outcome.site_id,
            "notebook": outcome.notebook,
            "figure": figure["name"],
            "label": figure["label"],
            "unit": figure["unit"],
            "value": None if isinstance(figure["value"], str) else figure["value"],
            "text": figure["value"] if isinstance(figure["value"], str) else None,
        }
        for outcome in outcomes
        for figure in outcome.figures
    ]
    texts = ("site_id", "notebook", "figure", "label", "unit")
    kinds = {**dict.fromkeys(texts, pa.string()), "value": pa.float64(), "text": pa.string()}
    columns = {name: [row[name] for row in rows] for name in kinds}
    columns["value"] = [None if v is None else float(v) for v in columns["value"]]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, schema=pa.schema(kinds.items())), sink)
    return sink.getvalue()
