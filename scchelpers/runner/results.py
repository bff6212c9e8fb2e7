"""The results of a portfolio's runs, brought together: status, figures, index."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scchelpers.runner import index, journal
from scchelpers.runner.files import join, write_whole
from scchelpers.runner.job import Outcome

TEXTS = ("site_id", "notebook", "figure", "label", "unit")


def gather(
    reports: str, portfolio: Mapping[str, Any], about: Mapping[str, Mapping[str, str]]
) -> dict[tuple[str, str], Outcome]:
    """Write status, figures and index from the last outcome of each site and notebook.

    Parameters
    ----------
    reports : str
        Folder of the portfolio's reports.
    portfolio : mapping
        `title`, `description` and `sources`, as in `portfolio.toml`.
    about : mapping of str to mapping
        Site id to what the index says of the site; other sites are of the past and left out.

    Returns
    -------
    dict of (site_id, notebook) to Outcome
        Those outcomes.
    """
    place = {site_id: number for number, site_id in enumerate(about)}
    found = [outcome for outcome in journal.known(reports).values() if outcome.site_id in about]
    found.sort(key=lambda outcome: (outcome.notebook, place[outcome.site_id]))
    lines = (json.dumps(asdict(outcome)) + "\n" for outcome in found)
    write_whole(join(reports, journal.STATUS), "".join(lines))
    write_whole(join(reports, "results.parquet"), as_parquet(found))
    write_whole(join(reports, "results.csv"), as_csv(found))
    titles = {outcome.notebook: outcome.title for outcome in found}
    index.write(reports, portfolio=portfolio, sites=about, titles=titles, outcomes=found)
    return {(outcome.site_id, outcome.notebook): outcome for outcome in found}


def as_parquet(outcomes: list[Outcome]) -> bytes:
    """Return the recorded figures as a Parquet file, one row a figure, texts beside numbers."""
    rows = _rows(outcomes)
    kinds = {**dict.fromkeys(TEXTS, pa.string()), "value": pa.float64(), "text": pa.string()}
    columns = {name: [row[name] for row in rows] for name in kinds}
    columns["value"] = [None if v is None else float(v) for v in columns["value"]]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, schema=pa.schema(kinds.items())), sink)
    return sink.getvalue()


def as_csv(outcomes: list[Outcome]) -> str:
    """Return the same rows as CSV."""
    sink = io.StringIO()
    writer = csv.DictWriter(sink, [*TEXTS, "value", "text"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(_rows(outcomes))
    return sink.getvalue()


def _rows(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    return [
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
