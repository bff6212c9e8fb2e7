"""The periodic review of a portfolio: which sites need action first, and why.

The Charge Project report, section 6.3, asks for "periodic reviews of performance and the
encroachment on network operating limits". The classes below are conventions of this workbook.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pandas as pd
import xarray as xr

from scchelpers.compliance.causes import likely_causes
from scchelpers.compliance.protection import (
    CASES,
    ends_in,
    growth_per_year,
    load_at_limit,
    margin_by_year,
    planned_load,
)
from scchelpers.compliance.record import (
    coverage,
    excursions,
    expected_kwh,
    inspect,
    judge,
    monthly,
    step_h,
    trend,
    verdict,
)
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.register import Register, Terms, read
from scchelpers.site import Site

PRIORITIES = {1: "act now", 2: "act", 3: "look", 4: "nothing due"}
RECENT = pd.Timedelta("90D")
SOON, LATER = 2, 5  # years until protection ends
COLUMNS = ("priority", "action", "scheme", "verdict", "excursions", "grave", "excess_kwh",
           "known_share", "cause", "protection", "review_by", "reasons")  # fmt: skip


def lacking_records(
    terms: Terms, import_kw: xr.DataArray | None, setpoint_kw: xr.DataArray | None
) -> list[str]:
    """Return what must be supplied before terms can be judged; empty where nothing must.

    Parameters
    ----------
    terms : Terms
        In force.
    import_kw, setpoint_kw : xarray.DataArray or None
        From `Portfolio.import_kw` and `Portfolio.setpoint_kw`.

    Examples
    --------
    >>> from scchelpers import register
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> terms = register.read(folder).terms("elm-road-lamps")[-1]
    >>> lacking_records(terms, folder.import_kw("elm-road-lamps"), None)
    []
    """
    found = []
    if import_kw is None:
        found.append("no metered import is on record (scc import loads -o of=import)")
    if terms.signalled and setpoint_kw is None:
        found.append("the limits that were sent are not on record (-o of=setpoint)")
    return found


def inspect_site(
    site: Site, terms: Terms, import_kw: xr.DataArray
) -> tuple[xr.DataArray, dict[str, str]]:
    """Look for faults of the meter against the load of the site that is on record.

    Parameters
    ----------
    site : Site
        The site.
    terms : Terms
        In force: they say what the meter reads.
    import_kw : xarray.DataArray
        From `Portfolio.import_kw`.

    Returns
    -------
    As `inspect`.

    Examples
    --------
    >>> from scchelpers import register
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> terms = register.read(folder).terms("elm-road-lamps")[-1]
    >>> site = folder.site("elm-road-lamps")
    >>> inspect_site(site, terms, folder.import_kw("elm-road-lamps"))[1]
    {}
    """
    whole = terms.metered == "site"
    if whole and site.residual_kw is None:  # the other load is not known
        return inspect(import_kw, terms.capacity_kw)
    expected = expected_kwh(site.sessions, import_kw, site.residual_kw if whole else None)
    sessions = None if whole else site.sessions
    return inspect(import_kw, terms.capacity_kw, expected=expected, sessions=sessions)


def reasons(
    terms: Terms,
    as_of: pd.Timestamp,
    *,
    judged: pd.DataFrame | None = None,
    lacking: str = "",
    faults: dict[str, str] | None = None,
    margin_kva: pd.Series | None = None,
) -> list[tuple[int, str]]:
    """Return why a site needs action, and how soon (`PRIORITIES`), the gravest reason first.

    Parameters
    ----------
    terms : Terms
        In force.
    as_of : pandas.Timestamp
        Day of the review [UTC].
    judged : pandas.DataFrame, optional
        From `judge`, where anything could be judged.
    lacking : str
        Why nothing could be.
    faults : dict, optional
        Of the meter, from `inspect`.
    margin_kva : pandas.Series, optional
        From `margin_by_year`, where it could be assessed.

    Examples
    --------
    >>> from scchelpers import register
    >>> from scchelpers.portfolio import Portfolio
    >>> terms = register.read(Portfolio.open("data/demo")).terms("elm-road-lamps")[-1]
    >>> reasons(terms, pd.Timestamp("2026-01-31T00:00Z"), lacking="no import on record")
    [(2, 'compliance is not shown: no import on record')]
    """
    found = list(_reasons(terms, as_of, judged, lacking, faults or {}, margin_kva))
    return sorted(found, key=lambda reason: reason[0])


def _reasons(terms, as_of, judged, lacking, faults, margin_kva) -> Iterator[tuple[int, str]]:
    for fault, said in faults.items():
        yield (2 if judged is not None else 1), f"{fault}: {said}"
    if lacking and not faults:
        yield 2, f"compliance is not shown: {lacking}"
    if judged is not None:
        yield from _of_record(judged, terms, as_of)
    end = None if margin_kva is None else ends_in(margin_kva)
    if end is not None:
        years = end - margin_kva.index[0]
        if years == 0:
            yield 1, "the terms no longer protect the network"
        elif years <= LATER:
            yield (2 if years <= SOON else 3), f"the terms protect only until {end}"
    by = terms.review_by.tz_localize(terms.timezone)
    if by < as_of:
        yield 2, f"the review was due on {_date(by)}"
    elif by - as_of < RECENT:
        yield 3, f"a review is due on {_date(by)}"


def _of_record(judged: pd.DataFrame, terms: Terms, as_of: pd.Timestamp):
    runs = excursions(judged)
    for level, severity in ((1, "grave"), (2, "marked"), (3, "slight")):
        own = runs[runs["severity"] == severity]
        late = int((own["start"] > as_of - RECENT).sum())
        if len(own):
            share = "all" if late == len(own) else f"{late} of them"
            last = f", {share} in the last 90 days" if late else ""
            many = f"{len(own)} {severity} excursion{'s' if len(own) > 1 else ''}"
            yield (2 if level == 1 and not late else level), f"{many}{last}"
    covered = coverage(judged)
    if (covered[["known_share", "limited_share"]].dropna() < 0.95).any():
        yield 2, f"{covered['missing_h']:,.0f} hours are not on record: not shown to be kept"
    if pd.Timedelta(hours=step_h(judged)) > terms.averaging:
        yield 3, "the meter is coarser than the averaging time: short excursions do not show"
    if trend(monthly(judged, terms.timezone))["word"] == "rising":
        yield 2, "the limit is exceeded more and more"


def review_day(text: str, terms: Terms, judged: pd.DataFrame | None = None) -> pd.Timestamp:
    """Return the day of a site's review [UTC]: as given, or the end of its record.

    Parameters
    ----------
    text : str
        A day such as "2026-01-31", or blank.
    terms : Terms
        In force; the day they began stands in where there is no record.
    judged : pandas.DataFrame, optional
        From `judge`.

    Raises
    ------
    UserError
        If the text is no day.

    Examples
    --------
    >>> from scchelpers import register
    >>> from scchelpers.portfolio import Portfolio
    >>> terms = register.read(Portfolio.open("data/demo")).terms("elm-road-lamps")[-1]
    >>> review_day("2026-01-31", terms)
    Timestamp('2026-01-31 00:00:00+0000', tz='UTC')
    """
    if text:
        return _day(text, terms.timezone)
    return terms.begins if judged is None else _end(judged)


def _end(judged: pd.DataFrame) -> pd.Timestamp:
    return judged.index[-1] + pd.Timedelta(hours=step_h(judged))


def _day(text: str, tz: str) -> pd.Timestamp:
    day = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
    if pd.isna(day):
        raise UserError(f"review day = {text!r}: write a day such as 2026-01-31")
    return day.tz_localize(tz).tz_convert("UTC")


def _date(stamp: pd.Timestamp) -> str:
    return f"{stamp.day} {stamp:%B %Y}"


def review_portfolio(
    folder,
    as_of: str = "",
    *,
    tolerance: float = 0.01,
    assumed: tuple[float, float, float] = (0.0, 0.01, 0.03),
    quantile: float = 0.99,
    horizon: int = 10,
) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Review the registered sites of a portfolio folder, those that need action first.

    Parameters
    ----------
    folder : path-like
        Portfolio folder.
    as_of : str
        Day of the review such as "2026-01-31"; blank: the end of the latest record.
    tolerance : float
        Share of the limit granted to the meter.
    assumed, quantile, horizon
        Of `growth_per_year`, `planned_load` and `margin_by_year`.

    Returns
    -------
    table : pandas.DataFrame
        Indexed by site_id, by priority and within it by grave excursions and excess: priority (1
        to 4), action, scheme, verdict, excursions, grave, excess_kwh [kWh], known_share, cause
        (the first), protection (in words, at the growth expected), review_by, reasons.
    day : pandas.Timestamp
        Day of the review [UTC].

    Raises
    ------
    UserError
        If the register is empty or was altered, or no day is given and no site has a record.
    """
    portfolio = Portfolio.open(folder)
    book = read(portfolio)
    if not book.site_ids:
        raise UserError(f"{portfolio.path}/register.csv: no entries; `scc register --add …`")
    day = _day(as_of, portfolio.timezone) if as_of else None
    known, broken = {}, {}
    for site_id in book.site_ids:
        try:
            known[site_id] = _known(portfolio, book, site_id, tolerance, assumed, quantile, horizon)
        except UserError as fault:
            told = {"priority": 1, "verdict": "not shown", "cause": "", "reasons": str(fault)}
            broken[site_id] = told
    ends = [_end(one["judged"]) for one in known.values() if one["judged"] is not None]
    if day is None and not ends:
        raise UserError("no registered site has a metered record; give the day of the review")
    day = day or max(ends)
    rows = {site_id: _row(one, day, tolerance) for site_id, one in known.items()} | broken
    table = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=list(COLUMNS))
    table["action"] = table["priority"].map(PRIORITIES)
    order = ["priority", "grave", "excess_kwh"]
    table = table.sort_values(order, ascending=[True, False, False], kind="stable")
    return table.rename_axis("site_id"), day


def _known(portfolio, book: Register, site_id, tolerance, assumed, quantile, horizon) -> dict:
    """Return what is known of a site: all that `reasons` takes, and its entries."""
    site, entries = portfolio.site(site_id), book.terms(site_id)
    own, import_kw = entries[-1], portfolio.import_kw(site_id)
    setpoint_kw = portfolio.setpoint_kw(site_id)
    lacking, faults, judged = lacking_records(own, import_kw, setpoint_kw), {}, None
    if not lacking:
        cleaned, faults = inspect_site(site, own, import_kw)
        judged = judge(cleaned, entries, setpoint_kw=setpoint_kw, tolerance=tolerance)
        if not judged["known"].any():
            judged, lacking = None, ["no interval has both a metered import and terms in force"]
    load, margin_kva = load_at_limit(site, own, book.ahead(site_id)), None
    if load is not None:
        growth = growth_per_year(load, assumed)[CASES[1]]
        planned, first = planned_load(load, quantile), load.index[-1].year
        margin_kva = margin_by_year(planned, growth, horizon=horizon, first=first)
    return {"entries": entries, "judged": judged, "lacking": "".join(lacking[:1]),
            "faults": faults, "margin_kva": margin_kva}  # fmt: skip


def _row(known: dict, as_of: pd.Timestamp, tolerance: float) -> dict:
    entries, judged, margin_kva = known.pop("entries"), known["judged"], known["margin_kva"]
    found = reasons(entries[-1], as_of, **known)
    row = {
        "priority": found[0][0] if found else 4,
        "scheme": entries[-1].scheme,
        "verdict": "not shown",
        "cause": "",
        "protection": "not assessed",
        "review_by": f"{entries[-1].review_by:%Y-%m-%d}",
        "reasons": "; ".join(text for _, text in found),
    }
    if judged is not None:
        runs, found_causes = excursions(judged), likely_causes(judged, entries, tolerance=tolerance)
        row |= {
            "verdict": verdict(judged, entries[-1].averaging),
            "excursions": len(runs),
            "grave": int((runs["severity"] == "grave").sum()),
            "excess_kwh": float(runs["excess_kwh"].sum()),
            "known_share": float(coverage(judged)["known_share"]),
            "cause": found_causes[0].name if found_causes else "",
        }
    if margin_kva is not None:
        end, first, last = ends_in(margin_kva), *margin_kva.index[[0, -1]]
        until = f"beyond {last}" if end is None else f"until {end}"
        row["protection"] = "no longer" if end == first else until
    return row


def review_text(table: pd.DataFrame, as_of: pd.Timestamp) -> str:
    """Return a review as lines for people."""
    due = int((table["priority"] <= 2).sum())
    lines = [f"Review of {_date(as_of)}: {due} of {len(table)} sites need action."]
    for level, action in PRIORITIES.items():
        rows = table[table["priority"] == level]
        if len(rows):
            lines += ["", f"{action}:"]
        for site_id, row in rows.iterrows():
            scheme = f" ({row['scheme']})" if isinstance(row["scheme"], str) else ""
            why = row["reasons"] or f"terms {row['verdict']}, protection {row['protection']}"
            cause = f"; likely cause: {row['cause']}" if row["cause"] else ""
            lines.append(f"  {site_id}{scheme}: {why}{cause}")
    return "\n".join(lines)


def review_json(table: pd.DataFrame, as_of: pd.Timestamp) -> str:
    """Return a review as JSON text."""
    rows = json.loads(table.reset_index().to_json(orient="records", double_precision=6))
    return json.dumps({"as_of": f"{as_of:%Y-%m-%d}", "sites": rows}, indent=2, ensure_ascii=False)
