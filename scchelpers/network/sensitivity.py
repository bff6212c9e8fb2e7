"""How the constraints of a network answer to charging: from two power flows to a linear model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Linear:
    """Constraints as straight lines, over (interval, constraint) and (interval, site, constraint).

    Attributes
    ----------
    headroom_kva : numpy.ndarray
        Room for charging [kVA].
    sensitivity : numpy.ndarray
        What a constraint sees of each kW of a site [kVA/kW].
    rating_kva : numpy.ndarray
        Rating at the time [kVA].
    kva : numpy.ndarray
        Apparent power at loading 1, over constraint [kVA].
    """

    headroom_kva: np.ndarray
    sensitivity: np.ndarray
    rating_kva: np.ndarray
    kva: np.ndarray

    def predicted_kva(self, charging_kw: np.ndarray) -> np.ndarray:
        """Return the flow on each constraint [kVA] that the lines foretell for a charging."""
        seen = np.einsum("tsk,ts->tk", self.sensitivity, charging_kw)
        return self.rating_kva - self.headroom_kva + seen

    def rows(self, chosen: np.ndarray) -> Linear:
        """Return the same for some intervals."""
        return Linear(
            self.headroom_kva[chosen],
            self.sensitivity[chosen],
            self.rating_kva[chosen],
            self.kva,
        )


def linearised(
    without: np.ndarray,
    full: np.ndarray,
    share: np.ndarray,
    requested_kw: np.ndarray,
    kva: np.ndarray,
    factor: np.ndarray,
    least: float,
) -> Linear:
    """Return the linear model between two solved states.

    The straight line of complex loading between the states meets the rating somewhere, at the
    latest where all is drawn. There the circle of the rating is replaced by its tangent, which a
    flow that turns round with charging needs: its size alone is no straight line.

    Parameters
    ----------
    without, full : numpy.ndarray
        Complex loading without charging and with all that is requested, over (interval,
        constraint), as shares of `kva`.
    share : numpy.ndarray
        What a kW of each site adds to the loading in a typical interval, over (site, constraint).
        The change from `without` to `full` is split in these parts.
    requested_kw : numpy.ndarray
        What each site asks for, over (interval, site) [kW].
    kva : numpy.ndarray
        Apparent power at loading 1, over constraint [kVA].
    factor : numpy.ndarray
        Rating at the time as a share of `kva`, over (interval, constraint).
    least : float
        A smaller sensitivity counts as none [kVA/kW]: the site is not held back, and what it adds
        shows in the power flow that checks the setpoints.
    """
    change = full - without
    parts = share * requested_kw[:, :, None]
    weight = np.abs(parts)
    total = weight.sum(axis=1, keepdims=True)
    left = (change - parts.sum(axis=1))[:, None]
    parts = parts + left * np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)

    there = without + crossing(without, change, factor) * change
    size = np.abs(there)
    towards = np.divide(there.conj(), size, out=np.ones_like(there), where=size > 0)
    asked = requested_kw[:, :, None]
    per_kw = np.where(asked > 0, parts / np.where(asked > 0, asked, 1.0), share)
    sensitivity = kva * (per_kw * towards[:, None]).real
    return Linear(
        kva * (factor - (without * towards).real),
        np.where(np.abs(sensitivity) > least, sensitivity, 0.0),
        kva * factor,
        kva,
    )


def crossing(without: np.ndarray, change: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Return the largest share of a change, 0 to 1, at which a complex loading stays in a rating.

    Examples
    --------
    >>> crossing(np.array([0.6 + 0j, -0.5, 1.2]), np.array([0.8, 2.0, 0.1]), 1.0).round(3).tolist()
    [0.5, 0.75, 0.0]
    """
    a = np.abs(change) ** 2
    b = (without.conj() * change).real
    c = np.abs(without) ** 2 - factor**2
    root = np.sqrt(np.maximum(b * b - a * c, 0.0))
    share = np.divide(root - b, a, out=np.ones_like(a), where=a > 0)
    return np.clip(share, 0.0, 1.0)
