"""The ways to connect, from the least complex to the most, and what the report says of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scheme:
    """One way to connect.

    Attributes
    ----------
    name : str
        What it is called here.
    family : str
        The scheme of the report that it belongs to: "TCC", "CLM", "LMC", "CMC", or "" for none.
    led_by : str
        Who runs it.
    needs : str
        What must be there that a plain connection does not need.
    section : str
        Section of the report of the Charge Project.
    """

    name: str
    family: str
    led_by: str
    needs: str
    section: str


FIRM, REDUCED, TCC, STATIC, DYNAMIC, PROFILED, LMC, CMC, REINFORCED = (
    *("firm", "reduced capacity", "TCC", "static CLM", "dynamic CLM", "profiled", "LMC", "CMC"),
    "reinforcement",
)

# The order is the report's: "increasing complexity and increasing network capacity access" (5.3).
# A profiled limit is a TCC that needs a message each day: more than a CLM, less than a live signal.
SCHEMES = (
    Scheme(FIRM, "", "nobody", "nothing", "6.2"),
    Scheme(REDUCED, "", "customer", "fewer chargepoints than planned", "8.3"),
    Scheme(TCC, "TCC", "customer", "a timer in the chargepoints or their management system", "6"),
    Scheme(STATIC, "CLM", "customer", "chargepoints that share a fixed limit", "7"),
    Scheme(DYNAMIC, "CLM", "customer", "a signal from the site's meter to a controller", "7"),
    Scheme(PROFILED, "TCC", "DNO", "a forecast, and a message each day", "6.3"),
    Scheme(LMC, "LMC", "DNO", "a monitor at one place, a live link, a fail-safe", "8"),
    Scheme(CMC, "CMC", "DNO", "monitors at several places, a central platform, live links", "8"),
    Scheme(REINFORCED, "", "DNO", "new network, and the time to build it", "4"),
)
RANK = {scheme.name: place for place, scheme in enumerate(SCHEMES)}
BY_NAME = {scheme.name: scheme for scheme in SCHEMES}
