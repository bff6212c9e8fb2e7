"""Headroom at one monitored place: what is measured there, and the rating that applies."""

from __future__ import annotations

import numpy as np
import xarray as xr

from scchelpers.faults import UserError

ROOT3 = np.sqrt(3.0)


def apparent_kva(
    *,
    p_kw: xr.DataArray | None = None,
    q_kvar: xr.DataArray | None = None,
    volts: xr.DataArray | float | None = None,
    amps: xr.DataArray | None = None,
) -> xr.DataArray:
    """Return apparent power from what a monitor measures: P and Q, or V and I.

    Parameters
    ----------
    p_kw, q_kvar : xarray.DataArray
        Active and reactive power of three phases [kW, kvar]. The result takes the sign of P, so
        that export is negative.
    volts, amps : xarray.DataArray
        Voltage between phases [V] and current [A]. They tell no direction.

    Returns
    -------
    xarray.DataArray
        [kVA].

    Raises
    ------
    UserError
        If neither pair is complete.

    Examples
    --------
    >>> p, q = (xr.DataArray([x], dims="time") for x in (-30.0, 40.0))
    >>> apparent_kva(p_kw=p, q_kvar=q).values.tolist()
    [-50.0]
    >>> round(float(apparent_kva(volts=400.0, amps=xr.DataArray(100.0))), 2)
    69.28
    """
    if p_kw is not None and q_kvar is not None:
        kva = np.hypot(p_kw, q_kvar) * xr.where(p_kw < 0, -1.0, 1.0)
    elif volts is not None and amps is not None:
        kva = ROOT3 * volts * amps / 1000
    else:
        raise UserError("apparent_kva: give p_kw and q_kvar, or volts and amps")
    return kva.assign_attrs(units="kVA", long_name="apparent power")


def headroom_kva(
    load_kva: xr.DataArray, rating_kva: xr.DataArray, *, volts_pu: xr.DataArray | float = 1.0
) -> xr.DataArray:
    """Return the room that a load leaves under a rating; below zero it is overloaded.

    Both are added as if in phase, which errs on the safe side.

    Parameters
    ----------
    load_kva : xarray.DataArray
        Load without the sites to be limited [kVA], import positive.
    rating_kva : xarray.DataArray
        Rating [kVA] at nominal voltage.
    volts_pu : xarray.DataArray or float
        Measured voltage ÷ nominal, for an element rated in amperes: at 0.95 it carries 5 % less.

    Examples
    --------
    >>> load, rating = xr.DataArray([380.0, 420.0], dims="time"), xr.DataArray(400.0)
    >>> headroom_kva(load, rating, volts_pu=0.95).values.tolist()
    [0.0, -40.0]
    """
    room = rating_kva * volts_pu - load_kva
    return room.rename("headroom_kva").assign_attrs(units="kVA", long_name="headroom")


def headroom_kw(
    p_kw: xr.DataArray, q_kvar: xr.DataArray, rating_kva: xr.DataArray, *, power_factor: float
) -> xr.DataArray:
    """Return the active power that may be added to P and Q before the rating is reached.

    Charging adds x kW and x·tan φ kvar; x is the larger root of (P + x)² + (Q + x·tan φ)² = S².
    An overload is given as a negative number.

    Parameters
    ----------
    p_kw, q_kvar : xarray.DataArray
        Measured without charging [kW, kvar].
    rating_kva : xarray.DataArray or float
        Rating [kVA].
    power_factor : float
        Of the charging, lagging.

    Returns
    -------
    xarray.DataArray
        [kW].

    Examples
    --------
    >>> p, q = (xr.DataArray([x], dims="time") for x in (300.0, 0.0))
    >>> headroom_kw(p, q, 500.0, power_factor=0.8).round(6).values.tolist()
    [181.180921]
    >>> headroom_kw(p, q, 500.0, power_factor=1.0).values.tolist()
    [200.0]
    """
    if not 0 < power_factor <= 1:
        raise UserError(f"power_factor = {power_factor}: must be above 0, at most 1")
    tangent = np.sqrt(1 / power_factor**2 - 1)
    half = p_kw + q_kvar * tangent
    spare = rating_kva**2 - p_kw**2 - q_kvar**2
    root = half**2 + spare / power_factor**2
    room = power_factor**2 * (np.sqrt(root.clip(min=0)) - half)
    # So far over that no charging in reverse would reach the rating: the plain difference.
    plain = power_factor * (rating_kva - np.hypot(p_kw, q_kvar))
    room = xr.where(root < 0, plain, room)
    return room.rename("headroom_kw").assign_attrs(units="kW", long_name="headroom")
