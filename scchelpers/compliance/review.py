"""The periodic review of a portfolio: which sites need action first, and why.

Report section 6.3 asks for "periodic reviews of performance and the encroachment on network
operating limits". The classes below are conventions of this workbook.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import pandas as pd

from scchelpers.compliance.encroachment import Encroachment
from scchelpers.compliance.study import Study, study
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.register import Register, read
from scchelpers.wording import count, date

PRIORITIES = {1: "act now", 2: "act", 3: "look", 4: "nothing due"}
RECENT = pd.Timedelta("90D")
SOON, LATER = 2, 5  # years until protection ends
COLUMNS = ("priority", "action", "scheme", "verdict", "excursions", "grave", "excess_kwh",
           "known_share", "cause", "protection", "review_by", "reasons")  # fmt: skip


def studies(portfolio: Portfolio, register: Register, **options) -> Iterator[Study | tuple]:
    """Yield the study of each registered site, or (site_id, fault) where it cannot be read.

    Parameters
    ----------
    portfolio : Portfolio
        The portfolio.
    register : Register
        Its register.
    **options
        Of `study`.
    """
    for site_id in register.site_ids:
        try:
            yield study(
                portfolio.site(site_id),
                register.terms(site_id),
                portfolio.import_kw(site_id),
                setpoint_kw=portfolio.setpoint_kw(site_id),
                ahead=register.ahead(site_id),
                **options,
            )
        except UserError as fault:
            yield site_id, str(fault)


def review(found: Iterable[Study | tuple], *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return the sites of a portfolio, those that need action first.

    Parameters
    ----------
    found : iterable of Study
        From `studies`.
    as_of : pandas.Timestamp
        Day of the review [UTC].

    Returns
    -------
    pandas.DataFrame
        Indexed by site_id, by priority and within it by grave excursions and excess: priority (1
        to 4), action, scheme, verdict, excursions, grave, excess_kwh [kWh], known_share, cause
        (the first), protection (in words, of the expected growth), review_by, reasons.
    """
    rows = {}
    for one in found:
        if isinstance(one, Study):
            rows[one.site.site_id] = _row(one, as_of)
        else:
            site_id, fault = one
            rows[site_id] = {"priority": 1, "verdict": "not shown", "reasons": fault}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=None if rows else list(COLUMNS))
    table = table.reindex(columns=list(COLUMNS)).rename_axis("site_id")
    table["action"] = table["priority"].map(PRIORITIES)
    order = ["priority", "grave", "excess_kwh"]
    return table.sort_values(order, ascending=[True, False, False], kind="stable")


def priority(one: Study, as_of: pd.Timestamp) -> tuple[int, list[str]]:
    """Return how soon a site needs action, and why, the gravest reason first.

    Parameters
    ----------
    one : Study
        Of a registered site.
    as_of : pandas.Timestamp
        Day of the review [UTC].
    """
    reasons = sorted(_reasons(one, as_of), key=lambda reason: reason[0])
    return (reasons[0][0] if reasons else 4), [text for _, text in reasons]


def _reasons(one: Study, as_of: pd.Timestamp) -> Iterator[tuple[int, str]]:
    if one.meter is not None:
        for cause, sentence in one.meter.faults.items():
            yield (2 if one.meter.usable else 1), f"{cause}: {sentence}"
    if one.lacking and (one.meter is None or one.meter.usable):
        yield 2, f"compliance is not shown: {one.lacking[0]}"
    if one.known:
        yield from _of_runs(one, as_of)
        covered = one.covered
        shares = covered[["known_share", "limited_share"]].dropna()
        if (shares < 0.95).any():
            yield 2, f"{covered['missing_h']:,.0f} h are not on record: not shown to be kept"
        if one.judged.coarse:
            yield 3, "the meter is coarser than the averaging time: short excursions do not show"
        if one.trend["word"] == "rising":
            yield 2, "the limit is exceeded more and more"
    yield from _of_network(one)
    by = one.terms.review_by.tz_localize(one.terms.timezone)
    if by < as_of:
        yield 2, f"the review was due on {date(by)}"
    elif by - as_of < RECENT:
        yield 3, f"a review is due on {date(by)}"


def _of_runs(one: Study, as_of: pd.Timestamp) -> Iterator[tuple[int, str]]:
    runs = one.runs
    recent = runs[runs["start"] > as_of - RECENT]
    for level, severity in ((1, "grave"), (2, "marked"), (3, "slight")):
        many, late = int((runs["severity"] == severity).sum()), (recent["severity"] == severity)
        if many:
            share = "all" if late.sum() == many else f"{int(late.sum())} of them"
            last = f", {share} in the last 90 days" if late.any() else ""
            old = level == 1 and not late.any()
            yield (2 if old else level), f"{count(many, f'{severity} excursion')}{last}"


def _of_network(one: Study) -> Iterator[tuple[int, str]]:
    found = one.encroachment
    if found is None or not found.known:
        return
    ends = found.ends["expected"]
    if found.ends["expected"] == 0:
        yield 1, "the terms no longer protect the network"
    elif ends is not None and ends <= LATER:
        yield (2 if ends <= SOON else 3), f"the terms protect only until {found.year('expected')}"


def _row(one: Study, as_of: pd.Timestamp) -> dict:
    level, reasons = priority(one, as_of)
    known = one.known
    return {
        "priority": level,
        "scheme": one.terms.scheme,
        "verdict": one.verdict,
        "excursions": len(one.runs) if known else None,
        "grave": int((one.runs["severity"] == "grave").sum()) if known else None,
        "excess_kwh": float(one.runs["excess_kwh"].sum()) if known else None,
        "known_share": float(one.covered["known_share"]) if known else None,
        "cause": one.causes[0].name if one.causes else "",
        "protection": outlook(one.encroachment),
        "review_by": f"{one.terms.review_by:%Y-%m-%d}",
        "reasons": "; ".join(reasons),
    }


def outlook(found: Encroachment | None) -> str:
    """Return until when terms protect the network, in words."""
    if found is None or not found.known:
        return "not assessed"
    if found.ends["expected"] == 0:
        return "no longer"
    year = found.year("expected")
    return f"beyond {found.last.year + found.horizon}" if year is None else f"until {year}"


def text(table: pd.DataFrame, as_of: pd.Timestamp) -> str:
    """Return a review as lines for people."""
    first = count(int((table["priority"] <= 2).sum()), "site")
    lines = [f"Review of {date(as_of)}: {first} of {len(table)} need action."]
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


def review_day(one: Study, text: str = "") -> pd.Timestamp:
    """Return the day of a review [UTC]: as given, or the end of the site's record.

    Raises
    ------
    UserError
        If the text is no day.
    """
    if not text:
        if one.known:
            return last_record([one])
        return one.terms.begins if one.registered else pd.Timestamp(0, tz="UTC")
    return _day(text, one.terms.timezone if one.registered else "UTC")


def last_record(found: Iterable[Study | tuple]) -> pd.Timestamp:
    """Return the end of the latest record judged [UTC]: the day of a review that names none.

    Raises
    ------
    UserError
        If no site has a record.
    """
    ends = [
        pd.Timestamp(one.judged.flow["time"].to_numpy()[-1], tz="UTC") + one.judged.step
        for one in found
        if isinstance(one, Study) and one.known
    ]
    if not ends:
        raise UserError("no registered site has a metered record; give the day of the review")
    return max(ends)


def of_portfolio(folder, as_of: str = "", **options) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Review a portfolio folder.

    Parameters
    ----------
    folder : path-like
        Portfolio folder.
    as_of : str
        Day of the review such as "2026-01-31"; blank: the end of the latest record.
    **options
        Of `study`.

    Returns
    -------
    table : pandas.DataFrame
        From `review`.
    day : pandas.Timestamp
        Day of the review.

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
    found = list(studies(portfolio, book, **options))
    day = day or last_record(found)
    return review(found, as_of=day), day


def _day(text: str, tz: str) -> pd.Timestamp:
    day = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
    if pd.isna(day):
        raise UserError(f"review day = {text!r}: write a day such as 2026-01-31")
    return day.tz_localize(tz).tz_convert("UTC")


def as_json(table: pd.DataFrame, as_of: pd.Timestamp) -> str:
    """Return a review as JSON text."""
    rows = json.loads(table.reset_index().to_json(orient="records", double_precision=6))
    return json.dumps({"as_of": f"{as_of:%Y-%m-%d}", "sites": rows}, indent=2, ensure_ascii=False)
