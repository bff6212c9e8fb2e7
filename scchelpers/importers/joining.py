"""Sessions of all sources together: which names are one site, which rows count.

Identity is decided here, over every row that the portfolio has ever imported, and never file by
file: so parts give the same in any order, and a source that comes again takes its own place.
"""

from __future__ import annotations

import difflib
import hashlib
import heapq
import itertools
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from scchelpers.faults import UserError
from scchelpers.importers.account import Account
from scchelpers.importers.sessions import HOUR, SessionOptions
from scchelpers.portfolio import plausible, tables
from scchelpers.site import charger_kind
from scchelpers.timebase import LONDON, from_clock

# Words of model names -> rating [kW]; the first that is found holds. A figure in the name itself
# ("APT 22kW Raption") goes before them all. Classes as in the DfT's statistics.
_MODEL_WORDS = (
    (r"ultra|high.?power|\bhpc\b", 150.0),
    (r"semi.?rapid", 22.0),
    (r"rapid|triple|terra|raption|\bqc\s?45\b", 50.0),
    (r"\bfast\b", 22.0),
    (r"\bstandard\b", 7.4),
    (r"\bslow\b|trickle|lamp.?col|3.?pin", 3.7),
)
# Ratings that units are sold with [kW], and what is taken where nothing at all tells.
_STEPS = (3.7, 7.4, 11.0, 22.0, 50.0, 100.0, 150.0, 350.0)
_ASSUMED_KW = 7.4
# How far a true mean power may lie above the rating as named: "7 kW" units draw 32 A, 7.36 kW.
_TOLERANCE = 1.1
_MINUTE_H = 1 / 60  # stamps to the minute hide up to a minute of a stay
_TYPE_WORDS = (
    ("park_and_ride", r"park\s*(&|and|n|\+)\s*ride|\bp\s?&\s?r\b"),
    ("bus_depot", r"\bbus (depot|garage|station)"),
    ("van_depot", r"\bdepot\b|\bfleet\b"),
    ("rapid_hub", r"\b(charging )?hub\b|\btaxi\b"),
    ("en_route", r"\bservices?\b|motorway"),
    ("leisure", r"leisure|sports?\b|swimming|\bpool\b|museum|theatre|golf|country park|arena"),
    ("retail", r"retail|supermarket|shopping|tesco|asda|sainsbury|morrisons|\blidl\b|\baldi\b"),
    ("car_park", r"car\s?park|multi.?stor(e)?y|\bmscp\b|\bparking\b"),
    ("workplace", r"\boffices?\b|council hq|headquarters|hospital|business park|campus|university"),
    ("on_street", r"on.?street|lamp.?(post|column)"),
)
_TEST = re.compile(r"\*\*\*|\btest\b|\bdummy\b|\bdemo (site|unit)\b", re.IGNORECASE)
# A renamed site is handed over within days, after both names were in use for long.
_HANDOVER, _LONG_USE = pd.Timedelta("30D"), pd.Timedelta("60D")


def _rating_of_model(model: str) -> float:
    """Return the rating [kW] that a model name tells, NaN if none."""
    figures = [float(f) for f in re.findall(r"(\d+(?:\.\d+)?)\s*kw(?!h)", str(model).lower())]
    if figures:
        return max(figures)
    found = (kw for pattern, kw in _MODEL_WORDS if re.search(pattern, str(model).lower()))
    return next(found, np.nan)


def _rating_of_sessions(energy_kwh: pd.Series, hours: pd.Series, steps=_STEPS) -> float:
    """Return the smallest rating on sale [kW] that the sessions of a unit allow, NaN if none do."""
    sound = (energy_kwh > 0) & (hours >= 1 / 6) & (hours <= 24)
    if not sound.any():
        return np.nan
    mean_kw = (energy_kwh[sound] / hours[sound]).quantile(0.99, interpolation="higher")
    return next((step for step in steps if step * _TOLERANCE >= mean_kw), np.nan)


def site_type(name: str) -> str:
    """Return the site type that a name tells, "other" if none.

    Examples
    --------
    >>> site_type("Kinross Park and Ride"), site_type("Mill Street, Perth")
    ('park_and_ride', 'other')
    """
    return next((t for t, pattern in _TYPE_WORDS if re.search(pattern, name.lower())), "other")


def _identifiers(texts: Iterable[str], length: int = 40) -> dict[str, str]:
    """Return an identifier for each text, as near to it as may be and no two the same.

    Examples
    --------
    >>> _identifiers(["50245", "CP/1", "CP 1"])
    {'50245': '50245', 'CP/1': 'CP-1-89f5', 'CP 1': 'CP-1-03fd'}
    """
    texts = list(dict.fromkeys(texts))
    plain = {t: re.sub(r"[^A-Za-z0-9._-]+|\.{2,}", "-", t).strip("-._") for t in texts}
    # Folders may not tell upper from lower case.
    count = Counter(p.lower() for p in plain.values())
    found = {}
    for text, name in plain.items():
        if count[name.lower()] > 1 or len(name) > length or not tables.is_id(name):
            digest = hashlib.sha256(text.encode()).hexdigest()[:4]
            name = f"{name[: length - 5] or 'x'}-{digest}"
            name = name if tables.is_id(name) else f"id-{name}"
        found[text] = name
    return found


class Sieve:
    """Rows of sessions and the account of those that left: each once, under the first reason."""

    def __init__(self, rows: pd.DataFrame):
        self.rows = rows
        self.read = len(rows)
        self.set_aside: Counter = Counter()
        self._mended: dict[str, pd.Index] = {}

    def drop(self, bad, reason: str) -> None:
        """Set rows aside under a reason."""
        bad = np.asarray(bad, dtype=bool)
        self.set_aside[reason] += int(bad.sum())
        self.rows = self.rows[~bad]

    def mend(self, which, reason: str) -> None:
        """Note that rows were changed."""
        index = self.rows.index[np.asarray(which, dtype=bool)]
        self._mended[reason] = self._mended.get(reason, index[:0]).union(index)

    @property
    def mended(self) -> dict[str, int]:
        """Rows still in that were changed, by reason."""
        return {r: len(index.intersection(self.rows.index)) for r, index in self._mended.items()}

    @property
    def stay_h(self) -> pd.Series:
        """Length of the stay [h]."""
        return (self.rows["plug_out"] - self.rows["plug_in"]) / HOUR


def join(sieve: Sieve, options: SessionOptions, account: Account) -> dict[str, pd.DataFrame]:
    """Bring the rows of all sources to sites, EVSEs and sessions of a portfolio.

    Parameters
    ----------
    sieve : Sieve
        Rows in the columns of `sessions.ROWS`; afterwards those that count, and the others' fates.
    options : SessionOptions
        Rules of length and energy, ratings, sockets.
    account : Account
        Takes notes and what is to be answered.

    Returns
    -------
    dict of str to pandas.DataFrame
        sites, chargepoints and sessions.
    """
    given = _ratings_table(options.ratings_file) if options.ratings_file else {}
    sieve.drop(sieve.rows["unit"] == "", "chargepoint missing")
    sieve.drop(sieve.rows["site"].map(lambda name: bool(_TEST.search(name))), "test site")
    sieve.drop(sieve.rows["start"].isna(), "start missing or not a date and time")
    if sieve.rows.empty:
        account.judge("rows", True, "no row tells both a chargepoint and a start", "start=COLUMN")
        return {}
    _place(sieve, account)
    rated = _rate(sieve, given, options.fallback_kw, account)
    sieve.rows = _to_utc(sieve.rows)
    sieve.mend(sieve.rows["doubt"] == "ambiguous", "stamp in the repeated autumn hour settled")
    skipped = sieve.rows["doubt"] == "nonexistent"
    sieve.mend(skipped, "stamp in the skipped spring hour moved on 1 h")
    sieve.mend(sieve.rows["computed"], "end computed from start and duration")
    sieve.mend(sieve.rows["swapped"], "day and month exchanged back")
    sieve.drop(sieve.rows["plug_out"].isna(), "end unknown (missing, unreadable or 1970)")
    sieve.drop(sieve.stay_h < 0, "end before start")
    sieve.drop(sieve.stay_h == 0, "stay of no length (stamps to the minute)")
    least = options.min_stay_min
    sieve.drop(sieve.stay_h * 60 <= least, f"stay of {least:g} min or less")
    longest = sieve.rows["max_stay_h"]
    sieve.drop(sieve.stay_h > longest, f"stay longer than {longest.max():g} h")
    _check_energy(sieve, options.max_energy_kwh, account)
    _number_sockets(sieve, options.sockets, account)
    key = ["evse_id", "plug_in", "plug_out", "energy_kwh"]
    sieve.drop(sieve.rows.duplicated(key), "exact repeat")
    before = len(sieve.rows)
    sieve.drop(_overlaps(sieve.rows), "overlaps another session on its EVSE")
    lost = 1 - len(sieve.rows) / before if before else 0.0
    account.judge(
        "overlaps", lost > 0.05, f"{lost:.0%} of the sessions begin on an id while another still "
        "stands there: it has more sockets than were counted", "sockets=6 (as many as it has)",
    )  # fmt: skip
    _plausible(sieve, account)
    return _tables(sieve, rated)


def _place(sieve: Sieve, account: Account) -> None:
    """Give each row its `site_name`, `site_id` and `unit_id`."""
    rows = sieve.rows
    keyed = rows["site_key"] != ""
    names = _unite(rows[~keyed]) if (~keyed).any() else {}
    site = rows["site"].where(keyed, rows["site"].map(names))
    sieve.mend(site != rows["site"], "site name brought to one writing")
    for kept in sorted(set(names.values())):
        others = sorted(name for name in names if names[name] == kept != name)
        if others:
            account.note(f"one site under several names: {kept} = {' = '.join(others)}")
    # An id counts within its site: where it stands at several, each has an EVSE of its own.
    key = rows["site_key"].where(keyed, site)
    uses = key.groupby(rows["unit"]).agg(lambda s: s.value_counts().index[0])
    away = key != rows["unit"].map(uses)
    unit = rows["unit"].where(~away, rows["unit"] + " at " + key)
    for label, own in rows[away].groupby("unit"):
        where = sorted({*key[own.index], uses[label]})
        account.note(f"chargepoint {label} stands at {', '.join(where)}: one EVSE at each")
    alone = {k: k if keyed[i] else tables.as_id(k) for i, k in key.drop_duplicates().items()}
    twice = {i for i, n in Counter(v.lower() for v in alone.values()).items() if n > 1}
    own = _identifiers([k for k, i in alone.items() if i.lower() in twice], length=64)
    single = _identifiers([i for i in alone.values() if i.lower() not in twice], length=64)
    site_ids = {
        k: tables.as_id(own[k]) if i.lower() in twice else single[i] for k, i in alone.items()
    }
    # A keyed id of one owner stands alone, without its owner.
    sieve.rows = rows.assign(
        site_name=site, site_id=key.map(site_ids), unit_id=unit.map(_identifiers(unit.unique()))
    )


def _plain(name: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", name.lower().replace("&", " and ")))


def _alike(one: str, other: str) -> bool:
    """Whether two plain names may be of one place: one within the other, or nearly equal."""
    a, b = set(one.split()), set(other.split())
    numbers = re.findall(r"\d+", one) != re.findall(r"\d+", other) and not (a <= b or b <= a)
    near = difflib.SequenceMatcher(None, one, other).ratio() > 0.8
    return a <= b or b <= a or (near and not numbers)


def _unite(rows: pd.DataFrame) -> dict[str, str]:
    """Return the site name of each printed name.

    Names are one site where they differ in writing only, or where a chargepoint stands under both,
    they are not in use at once, and either they are alike or each was in long use. The commonest
    name is kept, of equally common ones the latest.
    """
    rows = rows.assign(plain=rows["site"].map({n: _plain(n) for n in rows["site"].unique()}))
    use = rows.groupby("plain")["start"].agg(["min", "max"])
    root = {name: name for name in use.index}

    def find(name: str) -> str:
        while root[name] != name:
            name = root[name]
        return name

    for label, own in rows.groupby("unit"):
        names = own["plain"].unique()
        # "Charger 1" may stand anywhere; a number of four digits is one chargepoint's own.
        own_id = bool(re.search(r"\d{4}", label))
        if len(names) == 1:
            continue
        spans = own.groupby("plain")["start"].agg(["min", "max"])
        ordered = sorted(names, key=lambda name: use.loc[name, "min"])
        for earlier, later in itertools.combinations(ordered, 2):
            # The unit itself must not be in use under both names at once.
            a, b = (spans.loc[name] for name in (earlier, later))
            apart = min(a["max"], b["max"]) - max(a["min"], b["min"]) <= pd.Timedelta("2D")
            followed = use.loc[earlier, "max"] - use.loc[later, "min"] <= _HANDOVER
            long = all(use.loc[n, "max"] - use.loc[n, "min"] >= _LONG_USE for n in (earlier, later))
            if (apart and _alike(earlier, later)) or (own_id and followed and long):
                root[find(later)] = find(earlier)
    rows["group"] = rows["plain"].map(find)
    tally = rows.groupby(["group", "site"])["start"].agg(["size", "max"]).reset_index()
    best = tally.sort_values(["size", "max", "site"]).groupby("group")["site"].last()
    named = rows.drop_duplicates("site")
    return dict(zip(named["site"], named["group"].map(best), strict=True))


def _ratings_table(path: str) -> dict[str, float]:
    """Read ratings [kW] by chargepoint or model from a CSV of two columns."""
    from scchelpers.importers.table import read

    frame = read(path).frame
    if len(frame.columns) != 2 or "rated_kw" not in frame:
        raise UserError(f"{path}: must have two columns, chargepoint (or model) and rated_kw")
    names = frame[next(c for c in frame.columns if c != "rated_kw")].str.lower()
    rated = pd.to_numeric(frame["rated_kw"], errors="coerce")
    for line in rated.index[~rated.between(0.5, 2000)]:
        raise UserError(
            f"{Path(path).name}, row {line}, rated_kw = {frame['rated_kw'][line]!r}: write kW "
            "from 0.5 to 2000"
        )
    return dict(zip(names, rated, strict=True))


def _rate(
    sieve: Sieve, given: dict[str, float], fallback_kw: float | None, account: Account
) -> pd.DataFrame:
    """Give each unit its rating [kW] and say where it is from.

    The order is: the user's table (by chargepoint, then by model), the file, the model's name, the
    user's fallback, and at last the mean power of the unit's own sessions, which is marked as such.
    """
    rows = sieve.rows
    stay_h = (rows["end"] - rows["start"]) / HOUR
    hours = rows["charging_h"].where(rows["charging_h"] > 0).fillna(stay_h)
    found = []
    for unit, own in rows.groupby("unit_id"):
        model = own["model"].mode().iloc[0]
        sold = tuple(float(kw) for kw in own["on_sale"].iloc[0].split()) or _STEPS
        possible = own
        if own["on_sale"].iloc[0]:  # what no such socket delivers must not set its rating
            possible = own[~(own["energy_kwh"] > hours[own.index] * sold[-1] * _TOLERANCE)]
        inferred = _rating_of_sessions(possible["energy_kwh"], hours[possible.index], sold)
        peak = possible["max_kw"].max()
        if pd.notna(peak):
            enough = next((kw for kw in sold if kw * _TOLERANCE >= peak), np.nan)
            inferred = max(kw for kw in (inferred, enough, 0.0) if pd.notna(kw)) or np.nan
        tries = {
            "table": given.get(own["unit"].iloc[0].lower(), given.get(model.lower(), np.nan)),
            "file": own["rated_kw"].median(),
            "model": _rating_of_model(model),
            "option": np.nan if fallback_kw is None else fallback_kw,
            "inferred": inferred,
            "assumed": sold[0] if own["on_sale"].iloc[0] else _ASSUMED_KW,
        }
        source = next(s for s, kw in tries.items() if pd.notna(kw) and 0.5 <= kw <= 2000)
        kind = "inferred" if source == "assumed" and own["on_sale"].iloc[0] else source
        found.append((unit, float(tries[source]), kind))
    rated = pd.DataFrame(found, columns=["unit_id", "rated_kw", "rated_from"]).set_index("unit_id")
    says = {
        "table": "from the table of ratings", "file": "from the file", "model": "from the model",
        "option": "from the option", "inferred": "INFERRED", "assumed": "ASSUMED",
    }  # fmt: skip
    for source, own in rated.groupby("rated_from"):
        counts = own["rated_kw"].value_counts().sort_index()
        shown = ", ".join(f"{n} of {kw:g} kW" for kw, n in counts.items())
        why = {
            "inferred": ": the smallest on sale that their mean power allows, so perhaps too low; "
            "give ratings_file",
            "assumed": ": neither a model nor a sound session tells; give ratings_file",
        }.get(source, "")
        account.note(f"rating of {len(own)} chargepoints {says[source]} ({shown}){why}")
    words = {
        m: _rating_of_model(m) for m in rows["model"].unique() if not re.search(r"\d\s*kw", m, re.I)
    }
    for model, kw in sorted(words.items()):
        if kw == kw:
            account.note(f"model {model!r} read as {kw:g} kW by its words")
    sieve.rows = rows.assign(
        **{name: rows["unit_id"].map(rated[name]) for name in ("rated_kw", "rated_from")}
    )
    return rated


def _to_utc(rows: pd.DataFrame) -> pd.DataFrame:
    """Add `plug_in`, `plug_out` and other instants [UTC], and `doubt` about the clock.

    A stamp with a printed offset is certain. In the repeated autumn hour the pass is taken that
    agrees with the printed stay; without one, the first that puts the end after the start and
    makes the energy possible at the rating.
    """
    columns = {"plug_in": "start", "plug_out": "end", "charge_start": "charge_start",
               "charge_end": "charge_end", "announced_plug_out": "announced"}  # fmt: skip
    parts, doubts = [], []
    for zone_name, own in rows.groupby("zone", sort=False):
        utc, doubt = {}, {}
        for name, column in columns.items():
            instants, unsure = from_clock(own[column], zone_name)
            utc[name] = pd.Series(instants, index=own.index)
            doubt[name] = pd.Series(unsure, index=own.index)
            offset = own["end_offset" if column == "end" else "start_offset"]
            stated = (own[column] - offset).dt.tz_localize("UTC")
            utc[name] = utc[name].where(offset.isna(), stated)
            doubt[name] = doubt[name].where(offset.isna(), "")
        parts.append(pd.DataFrame(utc))
        doubts.append(pd.DataFrame(doubt)[["plug_in", "plug_out"]])
    utc, doubt = (pd.concat(part).reindex(rows.index) for part in (parts, doubts))
    unsure = doubt == "ambiguous"
    for row in rows.index[unsure.any(axis=1) & rows["end"].notna()]:
        passes = [
            [utc.loc[row, side], utc.loc[row, side] + HOUR] if unsure.loc[row, side]
            else [utc.loc[row, side]]
            for side in ("plug_in", "plug_out")
        ]  # fmt: skip
        best = min(itertools.product(*passes), key=lambda pair: _unfit(pair, rows.loc[row]))
        utc.loc[row, "plug_in"], utc.loc[row, "plug_out"] = best
    skipped = (doubt == "nonexistent").any(axis=1)
    found = np.where(skipped, "nonexistent", np.where(unsure.any(axis=1), "ambiguous", ""))
    return rows.drop(columns=["charge_start", "charge_end"]).join(utc).assign(doubt=found)


def _unfit(pair: tuple[pd.Timestamp, pd.Timestamp], row: pd.Series) -> tuple:
    stay = pair[1] - pair[0]
    off = abs(stay - row["stay"]) if pd.notna(row["stay"]) else pd.Timedelta(0)
    most = row["rated_kw"] * _TOLERANCE * (stay + pd.Timedelta("1min")) / HOUR
    return (stay <= pd.Timedelta(0), off, row["energy_kwh"] > most)


def _check_energy(sieve: Sieve, most_kwh: float | None, account: Account) -> None:
    """Set aside energy that is missing, not positive, or more than the rating over the stay."""
    sieve.drop(sieve.rows["energy_kwh"].isna(), "energy missing or not a number")
    sieve.drop(sieve.rows["energy_kwh"] == 0, "energy zero")
    sieve.drop(sieve.rows["energy_kwh"] < 0, "energy negative")
    most = sieve.rows["rated_kw"] * _TOLERANCE * (sieve.stay_h + _MINUTE_H)
    impossible = sieve.rows["energy_kwh"] > most
    for row in sieve.rows[impossible].nlargest(5, "energy_kwh").itertuples():
        minutes = (row.plug_out - row.plug_in) / pd.Timedelta("1min")
        account.note(
            f"set aside: {row.file}, row {row.line}: {row.energy_kwh:g} kWh in {minutes:g} min at "
            f"{row.rated_kw:g} kW"
        )
    sieve.drop(impossible, "energy beyond rating × time")
    if most_kwh is not None:
        sieve.drop(sieve.rows["energy_kwh"] > most_kwh, f"energy above {most_kwh:g} kWh")


def _number_sockets(sieve: Sieve, sockets: int | None, account: Account) -> None:
    """Give each row its `evse_id`; where no connector is printed, share a unit's sessions out."""
    most = sockets or 3
    rows = sieve.rows.sort_values(["unit_id", "plug_in", "plug_out"], kind="stable")
    socket = rows["connector"].where(rows["connector"] != "", None).astype(object)
    blank = socket.isna() | ((socket != "=") & bool(sockets))
    if blank.any():
        distinct = rows[blank].drop_duplicates(["unit_id", "plug_in", "plug_out", "energy_kwh"])
        for _, own in distinct.groupby("unit_id"):
            lanes = pd.Series(_shared_out(own, most), index=own.index, dtype=object)
            printed = socket[own.index]
            socket[own.index] = lanes.where(printed.isna(), printed + "." + lanes)
        socket = socket.fillna("1")
        account.note(
            f"{int(blank.sum())} rows name no connector: sessions at once on one unit are put on "
            f"sockets 1 to {most}"
        )
    text = rows["unit_id"] + ("-" + socket.astype(str)).where(socket != "=", "")
    ids = text.map(_identifiers(text.unique(), 46))
    sieve.rows = rows.assign(evse_id=ids).loc[sieve.rows.index]


def _shared_out(own: pd.DataFrame, most: int) -> list[str]:
    """Return the lowest free socket for each session of a unit, in the order of plugging in."""
    free = list(range(1, most + 1))
    busy: list[tuple[pd.Timestamp, int]] = []
    sockets = []
    for plug_in, plug_out in zip(own["plug_in"], own["plug_out"], strict=True):
        while busy and busy[0][0] <= plug_in:
            heapq.heappush(free, heapq.heappop(busy)[1])
        number = heapq.heappop(free) if free else most
        if number != most or not any(taken == most for _, taken in busy):
            heapq.heappush(busy, (plug_out, number))
        sockets.append(str(number))
    return sockets


def _overlaps(rows: pd.DataFrame) -> np.ndarray:
    """Mark sessions that begin on an EVSE before the one kept there has ended."""
    ordered = rows.sort_values(["evse_id", "plug_in", "plug_out"], kind="stable")
    starts, ends = (ordered[c].astype("int64").to_numpy() for c in ("plug_in", "plug_out"))
    evse = pd.factorize(ordered["evse_id"])[0]
    bad = np.zeros(len(ordered), dtype=bool)
    busy_until, on = 0, -1
    for i in range(len(ordered)):
        if evse[i] == on and starts[i] < busy_until:
            bad[i] = True
        else:
            busy_until, on = ends[i], evse[i]
    return rows.index.isin(ordered.index[bad])


def _plausible(sieve: Sieve, account: Account) -> None:
    """Judge what is left: shares of rows lost, hours of the day."""
    for reason in ("start missing or not a date and time", "end before start",
                   "energy beyond rating × time"):  # fmt: skip
        share = sieve.set_aside[reason] / max(sieve.read, 1)
        many = share > plausible.SESSIONS["set aside"].limit and sieve.set_aside[reason] >= 3
        account.judge(
            reason.split(" or")[0], many,
            f"{share:.0%} of the rows are set aside for it: {reason}",
        )  # fmt: skip
    if len(sieve.rows) >= 200:
        local = sieve.rows["plug_in"].dt.tz_convert(LONDON).dt.hour
        british = sieve.rows["zone"].eq(LONDON)
        night = float(local[british].between(1, 4).mean()) if british.any() else 0.0
        account.judge("hours of the day", night > 0.25, f"{night:.0%} of the starts lie between "
                      "01:00 and 05:00 of the clock", "timezone=UTC",
                      level="note")  # fmt: skip


def _tables(sieve: Sieve, rated: pd.DataFrame) -> dict[str, pd.DataFrame]:
    rows = sieve.rows
    claimed = rows["claimed"] & rows["announced_plug_out"].notna()
    past = claimed & (rows["announced_plug_out"] <= rows["plug_in"])
    sieve.mend(past, "announced departure not after plugging in: taken as unknown")
    sites = rows.drop_duplicates("site_id").sort_values("site_id")
    points = rows.drop_duplicates("evse_id").sort_values("evse_id")
    short = rows["energy_kwh"] > rows["max_kw"] * _TOLERANCE * (sieve.stay_h + _MINUTE_H)
    inside = (rows["charge_start"] >= rows["plug_in"]) | rows["charge_start"].isna()
    inside &= (rows["charge_end"] <= rows["plug_out"]) | rows["charge_end"].isna()
    sessions = rows.assign(
        session_id=rows["evse_id"] + "-" + rows["plug_in"].dt.strftime("%Y%m%dT%H%M%SZ"),
        max_kw=rows["max_kw"].mask(short),
        announced_plug_out=rows["announced_plug_out"].where(claimed & ~past),
        charge_start=rows["charge_start"].where(inside),
        charge_end=rows["charge_end"].where(inside),
    )
    kinds = sites["site_name"].map(site_type)
    return {
        "sites": pd.DataFrame(
            {
                "site_id": sites["site_id"],
                "name": sites["site_name"],
                "site_type": sites["site_type"].where(sites["site_type"] != "", kinds),
                "timezone": sites["zone"].where(sites["zone"] != "UTC"),
                "provenance": "measured",
            }
        ).reset_index(drop=True),
        "chargepoints": pd.DataFrame(
            {
                "evse_id": points["evse_id"],
                "site_id": points["site_id"],
                "rated_kw": points["rated_kw"],
                "phases": points["phases"].fillna(points["rated_kw"].map(_phases)),
                "kind": points["rated_kw"].map(charger_kind),
                "unit_id": points["unit_id"],
                "rated_from": points["rated_from"],
            }
        ).reset_index(drop=True),
        "sessions": sessions[
            [c.name for c in tables.SESSIONS if c.name in sessions] + ["file"]
        ].reset_index(drop=True),
    }


def _phases(rated_kw: float) -> int:
    """Return the phases that a rating [kW] goes with: 1, 3, or 0 for DC."""
    if rated_kw >= 50:
        return 0
    return 1 if rated_kw < 8 else 3
