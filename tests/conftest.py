"""Shared fixtures."""

import os
from pathlib import Path

import matplotlib as mpl
import pytest

mpl.use("Agg")

ROOT = Path(__file__).parents[1]


@pytest.fixture
def shared_data():
    """Return a function that finds a folder of real data, or skips the test with the reason."""
    place = Path(os.environ.get("SCC_SHARED_DATA", ROOT.parent / "shared" / "data"))

    def find(name: str) -> Path:
        if not (place / name).exists():
            pytest.skip(f"real data set {name!r} is not on this machine (set SCC_SHARED_DATA)")
        return place / name

    return find


@pytest.fixture(autouse=True)
def close_figures():
    """Close every figure a test leaves open."""
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
