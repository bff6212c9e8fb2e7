"""Trials drawn at random: links, clocks, restarts, terms, limits and trips of every sort."""

from __future__ import annotations

import numpy as np

from cpms.faults import Faults
from cpms.referee import Verdict, judge
from cpms.terms import LEADERS, Terms
from cpms.trial import Plan, run
from scchelpers.network.failsafe import FailSafe


def drawn(seed: int, seconds: float = 1200.0) -> Plan:
    """Return a trial drawn at random.

    Half of the links are poor in one way only, so that no fault hides behind another.

    Parameters
    ----------
    seed : int
        Seed.
    seconds : float
        Length [s].
    """
    rng = np.random.default_rng((seed, 1))
    terms = Terms(
        "SITE-0001",
        agreed_kva=float(rng.uniform(50, 500)),
        power_factor=float(rng.uniform(0.9, 1)),
        rules=FailSafe(
            failsafe_kw=float(rng.choice([0.0, rng.uniform(0, 45)])),
            timeout=f"{rng.integers(60, 600)}s",
        ),
        led_by=str(rng.choice(LEADERS)),
        reaction_s=10.0,
        heartbeat_s=20.0,
        link_timeout_s=float(rng.uniform(25, 180)),
        ramp_kw_per_s=float(rng.choice([0.2, 2.0, 1e6])),
        release_delay_s=float(rng.choice([0.0, 60.0])),
        averaging_s=2.0,
    )
    limits_kw = rng.uniform(-0.2, 1.2, 64).clip(min=0) * terms.agreed_kw
    limits_kw[rng.random(64) < rng.choice([0.0, 0.2])] = np.nan  # the DNO says nothing
    decision_s = float(rng.choice([10.0, 30.0, 60.0]))
    trips = []
    if rng.random() < 0.4:
        at = float(rng.uniform(0.1, 0.7)) * seconds
        trips = [(at, "TRIP"), (at + float(rng.uniform(5, 300)), "RELEASE")]
    return Plan(
        terms,
        _faults(rng),
        decide=lambda now, *_: float(limits_kw[int(now // decision_s) % 64]),
        want_kw=lambda now: terms.agreed_kw * (1.5 if now % 300 < 250 else 0.1),
        seconds=seconds,
        decision_s=decision_s,
        valid_s=float(rng.uniform(15, 900)),
        trips=trips,
    )


def _faults(rng: np.random.Generator) -> Faults:
    faults = {
        "latency_s": float(rng.choice([0.05, 2.0, 20.0])),
        "loss": float(rng.uniform(0, 0.7)),
        "duplicate": float(rng.uniform(0, 0.7)),
        "held_up": float(rng.uniform(0, 0.5)),
        "outages_per_hour": float(rng.uniform(0, 12)),
        "restarts_per_hour": float(rng.uniform(0, 12)),
        "clock_s": float(rng.choice([0.0, rng.uniform(-15, 15)])),
    }
    if rng.random() < 0.5:
        one = str(rng.choice(list(faults)))
        faults = {one: faults[one]}
    return Faults(held_up_s=float(rng.choice([30.0, 300.0])), **faults)


def verdicts(seeds, seconds: float = 1200.0, **options) -> Verdict:
    """Run trials drawn from many seeds and return what they come to.

    Parameters
    ----------
    seeds : iterable of int
        One trial each.
    seconds : float
        Length of each [s].
    **options
        Of `trial.run`.
    """
    total = Verdict()
    for seed in seeds:
        total = total.merged(judge(run(drawn(seed, seconds), seed=seed, **options)))
    return total
