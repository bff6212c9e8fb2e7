"""The files of a portfolio, each read on its own: what lies there, not whether it is sound.

Paths go through fsspec, so a portfolio may lie in an object store.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import xarray as xr

from scchelpers.faults import Fault, UserError, closest
from scchelpers.portfolio import frames, reads, tables
from scchelpers.portfolio import network as networks
from scchelpers.portfolio.rules import header_faults, table_faults
from scchelpers.timebase import LONDON

_PACKED = Path(__file__).parents[1] / "workbook"  # of a wheel
WORKBOOK = _PACKED if _PACKED.is_dir() else _PACKED.parents[1]  # holds notebooks and data/demo


def _leads(path) -> bool:
    """Return whether a path leads to a portfolio; an address is taken at its word."""
    return "://" in str(path) or Path(path, "portfolio.toml").exists()


class Folder:
    """The files of a portfolio folder."""

    def __init__(self, path: str, header: dict | None = None):
        if header is None:
            raise UserError(
                f"write {type(self).__name__}.open({str(path)!r}), which reads the folder"
            )
        self.path = str(path).rstrip("/")
        self.header = header
        self._fs, self._root = fsspec.core.url_to_fs(self.path)

    @classmethod
    def open(cls, path) -> Self:
        """Open a portfolio folder; only `portfolio.toml` is read.

        Parameters
        ----------
        path : str or path-like
            Folder or fsspec address. A relative path that leads nowhere from here is taken from the
            folder of the notebooks: there the paths in their parameters begin.

        Raises
        ------
        UserError
            If the folder or its `portfolio.toml` is missing or cannot be parsed.

        Examples
        --------
        >>> from scchelpers.portfolio import Portfolio
        >>> Portfolio.open("data/demo").site_ids[:2]
        ['elm-road-lamps', 'elm-road-posts']
        """
        from_notebooks = WORKBOOK / "notebooks" / str(path)
        if not _leads(path) and _leads(from_notebooks):
            path = from_notebooks.resolve()
        fs, root = fsspec.core.url_to_fs(str(path))
        try:
            header = tomllib.loads(fs.cat_file(f"{root}/portfolio.toml").decode("utf-8-sig"))
        except FileNotFoundError:
            raise UserError(
                f"{path}: no portfolio.toml in {root}; name a portfolio folder, or make one with "
                "`make demo` or `scc import sessions FILES… --into FOLDER`"
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UserError(f"{path}/portfolio.toml: not valid TOML ({error})") from None
        reads.note("file:portfolio.toml")
        return cls(str(path), tables.as_kept(header))

    @property
    def name(self) -> str:
        """Short name of the portfolio, fit for a folder."""
        name = self.header.get("name", "")
        return name if tables.is_id(name) else tables.as_id(self._root.rsplit("/", 1)[-1])

    @property
    def timezone(self) -> str:
        """IANA zone of the portfolio's clock."""
        return self.header.get("timezone", LONDON)

    @property
    def power_factor(self) -> float | None:
        """Power factor of sites that state none; None where the portfolio states none either.

        Raises
        ------
        UserError
            If it is not a number above 0 and at most 1.
        """
        given = self.header.get("power_factor")
        if given is None:
            return None
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= 1:
            raise UserError(
                f"{self.path}/portfolio.toml, power_factor = {given!r}: must be a number above 0 "
                "and at most 1"
            )
        return float(given)

    def exists(self, name: str) -> bool:
        """Return whether a file or store of the portfolio is there."""
        reads.note(f"file:{name}")
        return self._there(name)

    def _there(self, name: str) -> bool:
        return self._fs.exists(f"{self._root}/{name}")

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a file, or of a folder's files with their names; "" if none."""
        found = hashlib.sha256()
        root = f"{self._root}/{name}"
        paths = sorted(self._fs.find(root))
        for path in paths:
            found.update(path[len(root) :].encode() + b"\0")
            found.update(self._fs.cat_file(path))
        return found.hexdigest() if paths else ""

    def last_change_ns(self, names: Iterable[str]) -> int:
        """Return when files, or any file of folders, were last changed [ns]; 0 at an address.

        A file counts as changed, too, when it was put in the place of another.
        """
        if "://" in self.path:
            return 0
        places = [Path(self._root, name) for name in names]
        below = (each for place in places if place.is_dir() for each in place.rglob("*"))
        return max(
            (each.stat().st_ctime_ns for each in (*places, *below) if each.exists()), default=0
        )

    def raw_table(self, name: str) -> tuple[pd.DataFrame, list[Fault]]:
        """Read a CSV table as text, indexed by row number, with the faults of its form.

        Raises
        ------
        UserError
            If the file is missing or cannot be read; those of `tables.OPTIONAL` may be missing.
        """
        reads.note(f"file:{name}")
        try:
            data = self._fs.cat_file(f"{self._root}/{name}")
        except FileNotFoundError:
            if name in tables.OPTIONAL or self._of_assets_alone():
                return pd.DataFrame(columns=[c.name for c in tables.TABLES[name]], dtype=str), []
            raise UserError(
                f"{self.path}/{name}: missing; see docs/portfolio.md for its columns"
            ) from None
        except OSError as error:
            raise self._unreadable(name, error) from None
        return frames.remembered(data, name)

    def _of_assets_alone(self) -> bool:
        """Whether it holds network assets and, as yet, no site."""
        return self._there("assets.csv") and not self._there("sites.csv")

    def file(self, name: str) -> str:
        """Return the address of a file that someone put into the portfolio's folder.

        A notebook asks for it here, so that a rerun knows that it rests on the file.

        Raises
        ------
        UserError
            If it is not there.
        """
        if not self.exists(name):
            raise UserError(
                f"{self.path}/{name}: no such file; put it into the portfolio's folder, or correct "
                "the parameter that names it"
            )
        return f"{self.path}/{name}"

    def line(self, name: str) -> str:
        """Return a small text file without blanks round it; "" if it is not there."""
        reads.note(f"file:{name}")
        if not self._there(name):
            return ""
        return self._fs.cat_file(f"{self._root}/{name}").decode("utf-8", errors="replace").strip()

    def table(self, name: str) -> pd.DataFrame:
        """Read a CSV table with the columns and types of `tables`.

        Unknown columns are left out; an optional column that is not there is all missing.

        Raises
        ------
        UserError
            If the file is missing or any of its values breaks a rule.
        """
        raw, faults = self.raw_table(name)
        columns = tables.TABLES[name]
        self._refuse([*faults, *table_faults(raw, columns, name)])
        return frames.as_typed(raw, columns).reset_index(drop=True)

    @property
    def session_file(self) -> str:
        """File of the sessions: `sessions.parquet`, or `sessions.csv` where that alone is there."""
        csv_alone = not self._there("sessions.parquet") and self._there("sessions.csv")
        return "sessions.csv" if csv_alone else "sessions.parquet"

    def session_columns(self) -> list[str]:
        """Return the columns that the sessions have.

        Raises
        ------
        UserError
            If the file cannot be read.
        """
        return self._session_store().schema.names

    def raw_sessions(self, site_id: str | None = None) -> pd.DataFrame:
        """Read the rows of `sessions.parquet`, of one site or all, in the order and types stored.

        Raises
        ------
        UserError
            If the file cannot be read or lacks a column.
        """
        reads.note(f"sessions:{site_id or ''}")
        names = [column.name for column in tables.SESSIONS]
        if not self._there(self.session_file):
            return pd.DataFrame(columns=names)
        store = self._session_store()
        found = store.schema.names
        self._refuse(header_faults(found, tables.SESSIONS, self.session_file))
        rows = None
        if site_id is not None:
            column = pads.field("site_id")
            text = pa.types.is_string(store.schema.field("site_id").type)
            rows = (column if text else column.cast(pa.string())) == site_id
        known = [name for name in names if name in found]
        try:
            # What pandas had as an index is a column like any other.
            found = store.to_table(columns=known, filter=rows).to_pandas(ignore_metadata=True)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._unreadable(self.session_file, error) from None
        found.index += self.session_file.endswith(".csv")  # its first row is the header
        return found

    def session_batches(self, site_ids: Iterable[str]) -> Iterator[pd.DataFrame]:
        """Yield the rows of some sites, a few at a time: a table of any size takes little memory.

        Nothing is noted as read. Whole numbers come as floats, whether a batch lacks one or not.
        """
        if not self._there(self.session_file):
            return
        store = self._session_store()
        names = [column.name for column in tables.SESSIONS if column.name in store.schema.names]
        column = pads.field("site_id").cast(pa.string())
        wanted = column.isin(pa.array(list(site_ids), pa.string()))
        ahead = {"batch_size": 65_536, "batch_readahead": 1, "fragment_readahead": 1}
        try:
            for batch in store.to_batches(columns=names, filter=wanted, **ahead):
                if batch.num_rows:
                    whole = {
                        f.name: pa.float64() for f in batch.schema if pa.types.is_integer(f.type)
                    }
                    fields = [pa.field(f.name, whole.get(f.name, f.type)) for f in batch.schema]
                    rows = pa.Table.from_batches([batch]).cast(pa.schema(fields), safe=False)
                    yield rows.to_pandas(ignore_metadata=True)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._unreadable(self.session_file, error) from None

    def sessions(self, site_id: str | None = None) -> pd.DataFrame:
        """Read the sessions of one site, or of all, as they lie in the file.

        Returns
        -------
        pandas.DataFrame
            Columns of `tables.SESSIONS`, sorted by (plug_in, session_id). Faulty rows are there:
            `Site.sessions` has none.

        Raises
        ------
        UserError
            If the file cannot be read, lacks a column, or holds stamps without a zone.
        """
        typed, _ = self.typed_sessions(site_id, self.timezone)
        return typed.sort_values(["plug_in", "session_id"], ignore_index=True)

    def typed_sessions(self, site_id: str | None, tz: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Read sessions in the order stored, and what could not be read of them.

        Text without a zone is read on the clock of `tz`; see `frames.typed_sessions`.
        """
        raw = self.raw_sessions(site_id)
        try:
            return frames.typed_sessions(raw, tz)
        except UserError as error:
            raise UserError(f"{self.path}/{self.session_file}, {error}") from None

    def loads(self, group: str, series_id: str) -> xr.Dataset | None:
        """Open one load series lazily: the mean and, where known, the largest and smallest.

        What its attribute `units` says is in W, MW, VA or MVA is read into memory as kW or kVA.

        Parameters
        ----------
        group : str
            "residual_kw", "import_kw" (by site) or "network_kva" (by asset).
        series_id : str
            Site or asset.

        Raises
        ------
        UserError
            If the series cannot be opened.
        """
        reads.note(f"load:{group}/{series_id}")
        place = f"loads.zarr/{group}/{series_id}"
        formats = ("zarr.json", ".zgroup")  # Zarr 3 and 2
        if not tables.is_id(series_id) or not any(self._there(f"{place}/{f}") for f in formats):
            return None
        root = f"{self._root}/{place}"
        try:
            dataset = xr.open_zarr(
                self._fs.unstrip_protocol(root) if "://" in self.path else root,
                consolidated=False,
                chunks=None,
            )
        except Exception as error:  # Zarr and its codecs raise errors of every kind.
            raise self._unreadable(place, error) from None
        for name, (unit, meaning) in tables.LOADS[group].items():
            if name in dataset:
                told = str(dataset[name].attrs.get("units", unit)).strip()
                scale = {unit[1:]: 1e-3, "M" + unit[1:]: 1e3}.get(told)
                if scale is None and told.casefold() != unit.casefold():
                    raise UserError(
                        f"{self.path}/{place}, {name}: its attribute says units = {told!r}, and "
                        f"the group holds {unit}; give {unit}, or correct the attribute"
                    )
                dataset[name].attrs.update(units=unit, long_name=meaning)
                if scale is not None and dataset[name].dtype.kind in "fiu":
                    attrs = dataset[name].attrs | {"stored_in": told}
                    dataset[name] = (dataset[name] * scale).assign_attrs(attrs)
        return dataset

    def load(self, group: str, series_id: str) -> xr.Dataset | None:
        """Read one load series as `loads` opens it.

        Raises
        ------
        UserError
            If the series cannot be opened, or a part of it cannot be read.
        """
        found = self.loads(group, series_id)
        try:
            return found if found is None else found.load()
        except Exception as error:  # A damaged chunk: the codecs raise errors of every kind.
            raise self._unreadable(f"loads.zarr/{group}/{series_id}", error) from None

    def series(self, group: str) -> list[str]:
        """Return the identifiers of the load series of a group that are stored, sorted."""
        reads.note(f"file:loads.zarr/{group}")
        root = f"{self._root}/loads.zarr/{group}"
        if not self._fs.isdir(root):
            return []
        found = (entry.rstrip("/").rsplit("/", 1)[-1] for entry in self._fs.ls(root, detail=False))
        return sorted(name for name in found if name != "zarr.json" and not name.startswith("."))

    @property
    def network_ids(self) -> list[str]:
        """Identifiers of the network models that are stored, sorted."""
        reads.note("file:networks")
        root = f"{self._root}/networks"
        if not self._fs.isdir(root):
            return []
        found = (entry.rsplit("/", 1)[-1] for entry in self._fs.ls(root, detail=False))
        return sorted(name.removesuffix(".json") for name in found if name.endswith(".json"))

    def raw_network(self, network_id: str) -> networks.Network:
        """Read a network model, sound or not.

        Raises
        ------
        UserError
            If there is no such model, or it is not input data of power-grid-model.
        """
        place = f"networks/{network_id}.json"
        if not (tables.is_id(network_id) and self._there(place)):
            known = self.network_ids
            hint = closest(str(network_id), known) or f"networks: {', '.join(known) or 'none'}"
            raise UserError(f"{self.path}/networks: no network {network_id!r}; {hint}")
        reads.note(f"file:{place}")
        try:
            return networks.parse(self._fs.cat_file(f"{self._root}/{place}"), network_id)
        except UserError as error:
            raise UserError(f"{self.path}/{place}: {error}") from None

    def with_node_ids(self, raw: pd.DataFrame) -> pd.DataFrame:
        """Return `sites.csv` with the ids of nodes that it gives by name."""
        if not {"network_id", "network_node"} <= set(raw):
            return raw
        node = raw["network_node"]
        for network_id, own in node[(node != "") & ~node.str.isdigit()].groupby(raw["network_id"]):
            try:
                network = self.raw_network(network_id)
            except UserError:  # a fault of its own
                continue
            raw = raw.assign(network_node=node.where(~node.index.isin(own.index), own.map(
                network.node_id).reindex(node.index)))  # fmt: skip
            node = raw["network_node"]
        return raw

    def _session_store(self) -> pads.Dataset:
        name = self.session_file
        try:
            if name.endswith(".csv"):
                raw, faults = frames.remembered(self._fs.cat_file(f"{self._root}/{name}"), name)
                self._refuse(faults)
                rows = raw.replace("", None)
                return pads.dataset(pa.Table.from_pandas(rows, preserve_index=False))
            return pads.dataset(f"{self._root}/{name}", filesystem=self._fs)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._unreadable(name, error) from None

    def _unreadable(self, place: str, error: Exception) -> UserError:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        return UserError(f"{self.path}/{place}: cannot be read ({reason}); import it again")

    def _refuse(self, faults: Iterable[Fault]) -> None:
        """Raise the first error among faults."""
        errors = [fault for fault in faults if fault.severity == "error"]
        if errors:
            more = f" ({len(errors) - 1} more; run `scc check`)" if len(errors) > 1 else ""
            raise UserError(f"{self.path}/{errors[0]}{more}")
