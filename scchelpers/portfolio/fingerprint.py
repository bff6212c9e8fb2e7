"""Fingerprints of the parts of a portfolio: equal as long as a notebook would read the same.

The parts, as `reads` notes them:

===========================  =====================================================================
`site:<site_id>`             what `Portfolio.site` reads: its rows, sessions, loads, its asset
`file:<name>`                a file or folder of the portfolio
`sessions:<site_id>`         the sessions of a site, `sessions:` those of all
`load:<group>/<series_id>`   a load series
===========================  =====================================================================
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from functools import cached_property

import pandas as pd

from scchelpers.portfolio import Portfolio, reads

_SEPARATOR = "\x1f"
CHANGED = "changed while it was read"


class Fingerprints:
    """Fingerprints of a portfolio as it lies there now; shared files are read once.

    Parameters
    ----------
    portfolio : Portfolio
        As opened.
    """

    def __init__(self, portfolio: Portfolio):
        self._portfolio = portfolio
        self._files: dict[str, str] = {}

    @reads.silent()
    def of(self, parts: Iterable[str], since_ns: int | None = None) -> dict[str, str]:
        """Return the fingerprint of each part, "" for one that is not there.

        Parameters
        ----------
        parts : iterable of str
            Names of parts. Asking for many at once reads the sessions once.
        since_ns : int, optional
            Time (of the clock that files are stamped by) from which they were read [ns]: a part
            that changed since has no fingerprint that stands for what was read.
        """
        parts = list(parts)
        wanted = {kind: [] for kind in ("site", "sessions")}
        for part in parts:
            kind, _, name = part.partition(":")
            if kind in wanted and name:
                wanted[kind].append(name)
        sites = sorted({*wanted["site"], *wanted["sessions"]})
        self._sessions = self._session_hashes(sites)
        assets = sorted({self._assets.get(site_id, "") for site_id in wanted["site"]})
        self._rows = {
            "sites.csv": self._texts("sites.csv", "site_id", wanted["site"]),
            "chargepoints.csv": self._texts("chargepoints.csv", "site_id", wanted["site"]),
            "assets.csv": self._texts("assets.csv", "asset_id", assets),
        }
        found = {part: self._one(*part.partition(":")[::2]) for part in parts}
        if since_ns is None:
            return found
        return {part: CHANGED if self._stirred(part, since_ns) else found[part] for part in parts}

    def _stirred(self, part: str, since_ns: int) -> bool:
        """Return whether a file behind a part was written or put in place since a time."""
        kind, _, name = part.partition(":")
        session = self._portfolio.session_file
        files = {"load": [f"loads.zarr/{name}"], "sessions": [session]}.get(kind, [name])
        if kind == "site":
            files = ["portfolio.toml", "coverage.csv", "sites.csv", "chargepoints.csv"]
            asset = self._assets.get(name, "")
            files += ["assets.csv", session, f"loads.zarr/residual_kw/{name}"]
            files += [f"loads.zarr/network_kva/{asset}"] if asset else []
        return self._portfolio.last_change_ns([f for f in files if f]) > since_ns

    def _one(self, kind: str, name: str) -> str:
        if kind == "site":
            return self._site(name)
        if kind == "sessions" and name:
            return self._sessions.get(name, "")
        if kind == "load":
            return self._file(f"loads.zarr/{name}")
        return self._file(name or self._portfolio.session_file)

    def _site(self, site_id: str) -> str:
        row = self._rows["sites.csv"].get(site_id, "")
        asset_id = self._assets.get(site_id, "")
        found = [
            row,
            self._file("portfolio.toml"),
            self._file("coverage.csv"),
            self._rows["chargepoints.csv"].get(site_id, ""),
            self._rows["assets.csv"].get(asset_id, ""),
            self._sessions.get(site_id, ""),
            self._file(f"loads.zarr/residual_kw/{site_id}"),
            self._file(f"loads.zarr/network_kva/{asset_id}") if asset_id else "",
        ]
        return _digest("\n".join(found)) if row else ""

    @cached_property
    def _assets(self) -> dict[str, str]:
        raw, _ = self._portfolio.raw_table("sites.csv")
        if "asset_id" not in raw or "site_id" not in raw:
            return {}
        return dict(zip(raw["site_id"], raw["asset_id"], strict=True))

    def _texts(self, name: str, key: str, owners: list[str]) -> dict[str, str]:
        """Return the text of the rows of each owner in a table, its header with them."""
        if not owners:
            return {}
        raw, _ = self._portfolio.raw_table(name)
        raw = raw[raw[key].isin(owners)] if key in raw else raw.iloc[:0]
        if raw.empty:
            return {}
        texts = raw.iloc[:, 0].str.cat(raw.iloc[:, 1:], sep=_SEPARATOR)
        head = _SEPARATOR.join(raw.columns)
        joined = texts.groupby(raw[key]).agg("\n".join)
        return {owner: f"{head}\n{text}" for owner, text in joined.items()}

    def _session_hashes(self, sites: list[str]) -> dict[str, str]:
        """Return a fingerprint of each site's sessions, whatever rows lie between them."""
        total, count = Counter(), Counter()
        for rows in self._portfolio.session_batches(sites) if sites else ():
            # A sum of what stands for each row: whatever their order, but each row as a whole.
            hashes = pd.util.hash_pandas_object(rows, index=False).to_numpy()
            grouped = pd.Series(hashes).groupby(rows["site_id"].astype(str).to_numpy())
            total.update(grouped.sum().to_dict())
            count.update(grouped.size().to_dict())
        return {site: f"{total[site] % 2**64:016x}{count[site]:x}" for site in count}

    def _file(self, name: str) -> str:
        """Return the SHA-256 of a file, or of all files of a folder and their names."""
        if name not in self._files:
            self._files[name] = self._portfolio.digest(name)
        return self._files[name]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
