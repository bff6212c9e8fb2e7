"""Which column means what: the user's word first, then a known layout, then the names.

A column must hold what its meaning holds (a stamp, a number, text), and a tie is a question.
"""

from __future__ import annotations

import functools
import re
import tomllib
from pathlib import Path
from typing import ClassVar, Literal

import pandas as pd
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    field_validator,
)  # fmt: skip

from scchelpers.faults import UserError, closest
from scchelpers.importers import values
from scchelpers.importers.account import Account
from scchelpers.importers.table import Sheet

FOLDER = Path(__file__).parent / "layouts"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Named(_Data):
    """The names of one column of a layout, and its unit."""

    any: list[str]
    unit: str | None = None


class _Layout(_Data):
    """A known format of files, as one TOML of `layouts/` or of the user tells it."""

    name: str
    kind: Literal["sessions", "loads", "assets"]
    title: str
    evidence: str
    identify: list[str] = Field(min_length=2, description="names that tell it; a|b: either")
    where: dict[str, list[str]] = {}
    columns: dict[str, _Named] = {}
    clock: str | None = None
    decimal: Literal["point", "comma"] | None = None
    dates: list[str] = []
    label: Literal["start", "end"] | None = None
    ends: dict[str, list[str]] = Field({}, description="rows whose stamps are ends")
    sign: Literal["as-printed", "import-negative"] | None = None
    series: list[str] = []
    keep: dict[str, list[str]] = Field({}, description="rows that count, by a column's values")
    missing: list[str] = []
    personal: list[str] = []
    unused: list[str] = []
    year_add: int = 0
    on_sale: list[float] = Field([], description="ratings on sale there, the usual one first")
    site_type: str = ""
    site_is_folder: bool = Field(False, description="the folder's name is the site")
    station_is_socket: bool = Field(False, description="an id is of one socket, not of a unit")
    asset: str = ""
    most_kw: float | None = Field(None, description="no series carries more [kW]")
    generic: bool = Field(False, description="names so plain that it is offered, not taken")
    note: str = ""
    source: dict[str, str] = {}
    options: dict[str, str] = Field({}, description="what the sample needs to be told")
    sample: str = ""
    expected: dict[str, float | str] = {}

    @field_validator("columns", mode="before")
    @classmethod
    def _short(cls, value: dict) -> dict:
        """Let a column be written as a name, a list of names or a table."""

        def full(column) -> dict:
            table = dict(column) if isinstance(column, dict) else {"any": column}
            names = table["any"]
            return table | {"any": [names] if isinstance(names, str) else names}

        return {role: full(column) for role, column in value.items()}

    @property
    def told(self) -> set[str]:
        """Plain names of all columns that it knows."""
        named = [n for column in self.columns.values() for n in column.any]
        return {plain(n) for n in [*named, *self.unused, *self.personal, *self.series, *self.keep]}


class _Meaning(_Data):
    """Words by which a column is told where no layout fits."""

    said: str
    holds: list[str]
    strong: list[str] = []
    words: list[str]
    weak: list[str] = []
    never: list[str] = []


def _read_layout(path: Path) -> _Layout:
    """Read one layout."""
    try:
        return _Layout(name=path.stem, **tomllib.loads(path.read_text("utf-8-sig")))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as TOML ({error})") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path}, {where}: {first['msg']}; see docs/importing.md") from None


@functools.cache
def known_layouts() -> tuple[_Layout, ...]:
    """Return the layouts that the package knows."""
    return tuple(_read_layout(p) for p in sorted(FOLDER.glob("[a-z]*.toml")))


@functools.cache
def _meanings(what: str) -> dict[str, _Meaning]:
    read = tomllib.loads((FOLDER / "_meanings.toml").read_text("utf-8"))[what]
    return {role: _Meaning(**value) for role, value in read.items()}


@functools.cache
def plain(name: str) -> str:
    """Return a column name without case and signs."""
    return re.sub(r"[^0-9a-zà-ÿ]", "", name.lower().replace("%", "pct"))


_U = r"kwh|mwh|wh|kvarh|kvar|mvar|kva|mva|kw|mw"
_UNIT = re.compile(
    rf"(?<![A-Za-z])(?i:{_U})(?=[^A-Za-z]|$|[A-Z][a-z])"
    r"|(?<=[a-z])(?:[kKM]Wh|Kwh|KWh|Wh|k[WV]A?r?|MV?W?A?r?)(?=[^A-Za-z]|$|[A-Z][a-z])"
    r"|(?<=[_\W])W(?=[\W_]|$)"
)
_INTERVAL = re.compile(
    r"\d+[ _-]*(?:minutes|minute|mins|min|m)(?![a-z])|half[ _-]?hour(?:ly)?|\d*hh(?![a-z])", re.I
)
_SAME = {
    "hours": "h",
    "hrs": "h",
    "hour": "h",
    "minutes": "min",
    "mins": "min",
    "seconds": "s",
    "sec": "s",
    "secs": "s",
    "amps": "a",
    "amp": "a",
    "volts": "v",
    "durata": "h",
}
_UNITS = {
    *("kwh", "wh", "mwh", "kw", "w", "mw", "kva", "mva", "va", "kvar", "mvar", "kvarh"),
    *("a", "v", "h", "min", "s", *_SAME),
}


def words(name: str) -> list[str]:
    """Return the words of a column name; units and intervals are seen before it is split.

    Examples
    --------
    >>> words("Energy__kWh_"), words("kw_5min"), words("StartDate"), words("kWhDelivered")
    (['energy', '=kwh'], ['=kw', '@interval'], ['start', 'date'], ['=kwh', 'delivered'])
    """
    name = _INTERVAL.sub(" @interval ", name)
    name = _UNIT.sub(lambda m: f" ={m[0].lower()} ", name)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z]{3})(?=[A-Z][a-z])", " ", name).lower()
    name = re.sub(r"\b(start|end|stop|begin)(?=date|time)", r"\1 ", name)
    return re.findall(r"[@=]?[^\W_]+", name)


def unit_in(name: str) -> str | None:
    """Return the unit that a column name tells, lower case.

    Examples
    --------
    >>> unit_in("Energy (kWh)"), unit_in("demand_MW"), unit_in("Duration (mins)"), unit_in("x")
    ('kwh', 'mw', 'min', None)
    """
    for word in reversed(words(name)):
        if (bare := word.lstrip("=")) in _UNITS:
            return _SAME.get(bare, bare)
    return None


_PERSONAL = {
    *("user", "userid", "username", "card", "cardid", "rfid", "tag", "idtag", "token", "driver"),
    *("email", "mail", "phone", "mobile", "customer", "member", "contract", "uid", "badge"),
    *("vehicle", "registration", "reg", "vin", "vrn", "numberplate", "surname", "forename"),
    *("payment", "postcode", "participant", "participantid", "fullname"),
}


def personal(name: str, layout: _Layout | None = None) -> bool:
    """Return whether a column tells of a person; such a column is never read."""
    told = {plain(n) for n in layout.personal} if layout else set()
    return plain(name) in told or bool(_PERSONAL & {*words(name), plain(name)})


def _named(names: list[str], by_plain: dict[str, str]) -> list[str]:
    """Return the columns of these names; "#" stands for a number, and the last year comes first."""
    found = []
    for name in names:
        if "#" in name:
            pattern = re.compile(r"\d+".join(map(plain, name.split("#"))))
            found += [by_plain[p] for p in sorted(by_plain, reverse=True) if pattern.fullmatch(p)]
        elif (bare := plain(name)) in by_plain:
            found.append(by_plain[bare])
    return found


class Pick(_Data):
    """A column, or a constant, with its meaning and who says so."""

    role: str
    column: str | None = None
    constant: str | None = None
    unit: str | None = None
    by: str


class Options(BaseModel):
    """What the user may tell of any file; with `of_columns`, also which column means what."""

    model_config = ConfigDict(extra="forbid")
    roles: ClassVar[tuple[str, ...]] = ()

    layout: str | None = Field(None, description="a known layout, a TOML of your own, or none")
    decimal: Literal["comma", "point"] | None = None
    publisher: str = ""
    licence: str = ""
    accept: str = Field("", description="checks taken as they are, joined by +")

    def account(self, file: str) -> Account:
        """Return an empty account of a file, with the checks that are answered."""
        return Account(file, set(self.accept.replace("_", " ").split("+")))

    def columns(self) -> dict[str, str]:
        """Return the columns that the user names, by their meaning."""
        return {role: v for role in self.roles if (v := getattr(self, role)) is not None}


def of_columns(what: str):
    """Add an option to a model for each meaning of a column that it has not got."""

    def added(model: type[Options]) -> type[Options]:
        roles = tuple(r for r in _meanings(what) if r not in model.model_fields)
        made = create_model(
            model.__name__, __base__=model, __doc__=model.__doc__, __module__=model.__module__,
            **dict.fromkeys(roles, (str | None, None)),
        )  # fmt: skip
        made.roles = roles
        return made

    return added


class UnansweredError(Exception):
    """Reading cannot go on: the account says what is to be answered."""


class Reading:
    """The steps by which a table is read: a room gives `rows`, and what it first read."""

    what: str

    def __init__(self, sheet: Sheet, options: Options):
        self.sheet, self.options, self.frame = sheet, options, sheet.frame
        self.account = options.account(sheet.file)
        self.account.note(sheet.how)
        self.layout = self._match()
        self.picks: dict[str, Pick] = {}
        self.text: dict[str, pd.Series] = {}
        self.first_read: dict[str, str] = {}

    def read(self) -> tuple[pd.DataFrame, Account]:
        """Return the rows, none where something is to be answered first, and the account."""
        try:
            rows = self.rows()
        except UnansweredError:
            rows = pd.DataFrame()
        self._show()
        return rows, self.account

    def ask(self, check: str, text: str, remedy: str):
        """Refuse for a question, and stop."""
        self.account.judge(check, True, text, remedy)
        raise UnansweredError

    def _match(self) -> _Layout | None:
        """Return the layout that the header tells, or that the user names."""
        frame, name, account = self.frame, self.options.layout, self.account
        have = {plain(c): c for c in frame.columns}
        choices = {layout.name: layout for layout in known_layouts() if layout.kind == self.what}
        if name and name.endswith(".toml"):
            own = _read_layout(Path(name))
            choices[own.name], name = own, own.name
        if name == "none":
            account.note("no layout, as you asked; columns are read by their names")
            return None
        if name and name not in choices:
            some = ", ".join([*choices][:5])
            hint = closest(name, choices) or f"scc import layouts lists them ({some} …)"
            raise UserError(f"layout = {name!r}: not known; {hint}")

        def lacks(layout: _Layout) -> list[str]:
            return [i for i in layout.identify if not _named(i.split("|"), have)]

        if name:
            if missing := lacks(choices[name]):
                raise UserError(
                    f"{self.sheet.file}: layout {name} wants {', '.join(missing)}; "
                    f"the file has {', '.join(frame.columns[:12])}"
                )
            account.note(f"layout {name} ({choices[name].title}), as you named it")
            return choices[name]
        fits = [
            layout for layout in choices.values()
            if not lacks(layout) and all(
                plain(c) in have and frame[have[plain(c)]].isin(told).any()
                for c, told in layout.where.items()
            )
        ]  # fmt: skip
        if offered := [layout.name for layout in fits if layout.generic]:
            account.note(
                f"names as in {' and '.join(offered)}, too plain to tell: -o layout={offered[0]}"
            )
        fits = [layout for layout in fits if not layout.generic]
        if not fits:
            account.note("no known layout; columns are read by their names")
            return None
        layout = max(fits, key=lambda x: (len(x.where), len(x.told & {*have}), len(x.identify)))
        account.note(f"known layout {layout.name} ({layout.title})")
        return layout

    def resolve(self, frame: pd.DataFrame) -> None:
        """Find the meanings of the columns and the text of each; stamps in numbers as stamps."""
        given = self.options.columns()
        self.picks = resolve(frame, self.sheet.file, self.what, self.layout, given, self.account)

    def print(self, frame: pd.DataFrame) -> None:
        """Take the text of each meaning; numbers that are stamps come as stamps."""
        for role, pick in self.picks.items():
            column = frame[pick.column] if pick.column else pd.Series(pick.constant, frame.index)
            holds = _meanings(self.what)[role].holds if role in _meanings(self.what) else []
            if "stamp" in holds and pick.column and values.kind(column) == "number":
                stamps = values.serial_stamps(column)
                column = column if stamps is None else stamps
            self.text[role] = column

    def numbers(self, role: str) -> tuple[pd.Series, str]:
        """Return the numbers of a meaning and how they are written."""
        decimal = self.options.decimal or (self.layout.decimal if self.layout else None)
        return values.numbers(self.text[role], decimal, self.sheet.parted_by)

    def choose_dates(self, role: str, styles: list[str], weigh) -> str:
        """Return the style of the dates, or ask for it."""
        named, usual = self.options.dates, self.layout.dates if self.layout else ()
        column = self.picks[role].column
        sample = next(iter(values.known(self.text[role])), "")
        if named and not set(named.split(" + ")) <= set(values.STYLES):
            self.ask("dates", f"dates={named} is none of {', '.join(values.STYLES)}",
                     f"dates={styles[0] if styles else 'iso'}")  # fmt: skip
        style, why = values.decide(styles, weigh, named, usual) if styles else (None, "")
        if style is None:
            said = " or ".join(styles) or "no known date"
            told = f"{column}: {sample!r} can be read as {said}{f' ({why})' if why else ''}"
            fix = f"dates={styles[0].split(' + ')[0]}" if styles else f"{role}=COLUMN"
            self.ask("dates", told, fix)
        self.account.note(f"dates: {style} ({why})")
        return style

    def _show(self) -> None:
        """Fill the account's table: each column, its meaning, and a first value in and out."""
        frame, used = self.frame, {pick.column for pick in self.picks.values()}
        for pick in self.picks.values():
            given = values.known(frame[pick.column]) if pick.column in frame else ()
            first = str(next(iter(given), "")) if pick.column else str(pick.constant)
            told = (pick.unit or "", pick.by, first, self.first_read.get(pick.role, ""))
            self.account.table.append((pick.column or "(given)", pick.role, *told))
        rest = [c for c in frame.columns if c not in used]
        people = [c for c in rest if personal(c, self.layout)]
        others = [c for c in rest if c not in people]
        if people:
            self.account.note(f"columns of people, not read: {', '.join(people)}")
        if others:
            more = f" and {len(others) - 12} more" if len(others) > 12 else ""
            self.account.note(f"columns passed over: {', '.join(others[:12])}{more}")


def resolve(
    frame: pd.DataFrame, file: str, what: str, layout: _Layout | None, given: dict[str, str],
    account: Account,
) -> dict[str, Pick]:  # fmt: skip
    """Return which column has which meaning: as given, as the layout says, or by the names.

    A text that is given and names no column is the value itself, where a meaning may be one.
    """
    picks, meanings, told = {}, _meanings(what), given
    by_plain = {plain(c): c for c in frame.columns}
    for role, meaning in meanings.items():
        given = told.get(role)
        if given is None:
            continue
        column = given if given in frame else by_plain.get(plain(str(given)))
        if column is not None:
            picks[role] = Pick(role=role, column=column, unit=unit_in(column), by="you")
        elif "text" in meaning.holds and role not in ("unit", "flag"):
            picks[role] = Pick(role=role, constant=str(given), by="you")
        else:
            hint = closest(str(given), frame.columns) or f"columns: {', '.join(frame.columns)}"
            raise UserError(f"{file}: {role}={given}: no such column; {hint}")
    taken = {p.column for p in picks.values()}
    if layout:
        for role, named in layout.columns.items():
            names = _named(named.any, by_plain)
            column = next((c for c in names if values.kind(frame[c]) != "empty"), None)
            if role not in picks and column and column not in taken:
                unit = named.unit or unit_in(column)
                picks[role] = Pick(role=role, column=column, unit=unit, by=f"layout {layout.name}")
        return picks
    _by_names(frame, meanings, picks, taken, account)
    return picks


def _by_names(frame, meanings, picks, taken, account) -> None:
    """Give the free columns the meanings that their names speak for most."""
    kinds = {c: values.kind(frame[c]) for c in frame.columns if c not in taken and not personal(c)}
    scored, odd = [], {}
    for column, holds in kinds.items():
        for role, meaning in meanings.items():
            if role in picks or (score := _score(words(column), meaning)) <= 0:
                continue
            fits = holds in meaning.holds
            if not fits and "stamp" in meaning.holds and holds == "number":
                fits = values.serial_stamps(frame[column]) is not None
            if fits:
                scored.append((score, role, column))
            elif score >= 4 and holds != "empty":
                odd[column] = max(odd.get(column, (0, "")), (score, role))
    scored.sort(key=lambda x: -x[0])
    for score, role, column in scored:
        if role in picks or column in taken:
            continue
        rivals = [
            x[2] for x in scored if x[:2] == (score, role) and x[2] != column and x[2] not in taken
        ]
        in_utc = [name for name in (column, *rivals) if "utc" in words(name)]
        if rivals and len(in_utc) != 1:
            picks[role] = Pick(role=role, by="ask", constant=" or ".join([column, *rivals]))
            continue
        column = in_utc[0] if rivals else column
        taken.add(column)
        picks[role] = Pick(role=role, column=column, unit=unit_in(column), by="its name")
    for column, (_, role) in odd.items():
        if column not in taken:
            first = next((v for v in frame[column] if v), "")
            said, holds = meanings[role].said, kinds[column]
            account.note(f"{column} sounds like {said} but holds {holds} such as {first!r}")
    for role in [role for role, pick in picks.items() if pick.by == "ask"]:
        choices = picks.pop(role).constant
        first = choices.split(" or ")[0]
        important = role in ("start", "end", "energy", "time", "load", "chargepoint")
        account.judge(
            f"which {role}", important, f"{choices} may each be {meanings[role].said}",
            f'"{role}={first}"',
        )  # fmt: skip


def _score(have: list[str], meaning: _Meaning) -> int:
    """Return how strongly a name speaks for a meaning: longer phrases and nothing beside them."""
    bare = [w.lstrip("=") for w in have]
    if any(_within(phrase.split(), bare) for phrase in meaning.never):
        return 0
    best = 0
    for group, worth in ((meaning.strong, 3), (meaning.words, 2), (meaning.weak, 1)):
        for phrase in group:
            parts = phrase.split()
            if _within(parts, bare):
                silent = {*parts, *_UNITS, "the", "utc", "local", "@interval"}
                alone = all(w in silent for w in bare)
                best = max(best, worth * (len(parts) + 1) + alone)
    return best


def _within(phrase: list[str], have: list[str]) -> bool:
    return any(have[i : i + len(phrase)] == phrase for i in range(len(have) - len(phrase) + 1))
