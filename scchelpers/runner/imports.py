"""What a warm process loads before it forks, so that no kernel has to."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
from collections.abc import Iterable

_ALWAYS = (
    "IPython.core.display_functions",
    "ipykernel.debugger",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
)
# What a library imports only when it is first used.
_LATER = {
    "PIL": tuple(f"PIL.{kind}ImagePlugin" for kind in ("Bmp", "Gif", "Jpeg", "Png", "Ppm")),
    "fsspec": ("fsspec.implementations.local",),
    "matplotlib": (
        "matplotlib.backends.backend_agg",
        "matplotlib.backends.backend_svg",
        "matplotlib_inline.backend_inline",
    ),
    "pandas": ("pandas.core.arrays.arrow.extension_types", "pandas.io.formats.string"),
    "pyarrow": ("pyarrow.dataset", "pyarrow.parquet"),
    "xarray": ("dask.array", "xarray.computation.nanops", "zarr"),
}


def load(modules: Iterable[str]) -> None:
    """Import modules, what they import later, and the compiled code of those that have some.

    Parameters
    ----------
    modules : iterable of str
        Modules, or things in modules; what cannot be imported is left out: the notebook that
        wants it says so better.
    """
    _import([*_ALWAYS, *modules])
    _import(name for first, names in _LATER.items() if first in sys.modules for name in names)
    if "numba" in sys.modules:
        with contextlib.suppress(Exception):  # another version of Numba may keep it elsewhere
            _load_compiled()


def read_tables(portfolio: str) -> None:
    """Read the tables of a portfolio that every notebook looks into.

    They are kept with the bytes they were read from (`frames.remembered`): a kernel that finds a
    table changed reads it anew.

    Parameters
    ----------
    portfolio : str
        Folder of the portfolio.
    """
    from scchelpers.faults import UserError
    from scchelpers.portfolio import Portfolio, reads

    os.environ.pop(reads.VARIABLE, None)  # no notebook has read it by this
    with contextlib.suppress(UserError):  # the notebook that meets it says it better
        folder = Portfolio.open(portfolio)
        for name in ("sites.csv", "chargepoints.csv", "assets.csv"):
            folder.raw_table(name)


def _import(names: Iterable[str]) -> None:
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def _load_compiled() -> None:
    """Load what Numba otherwise loads at the first call in each kernel: types and cached code."""
    from numba.core.dispatcher import Dispatcher
    from numba.core.registry import cpu_target

    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()
    here = cpu_target.target_context.codegen().magic_tuple()
    for function in [thing for thing in gc.get_objects() if isinstance(thing, Dispatcher)]:
        cache = getattr(function._cache, "_cache_file", None)
        for signature, made_for, _ in cache._load_index() if cache else ():
            if made_for == here:
                function.compile(signature)
