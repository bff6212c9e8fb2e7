"""Where to connect: what each asset of a portfolio takes, and places set beside each other."""

from scchelpers.places.maps import demand_layer, distance_km, front, ground, label, per_chargepoint
from scchelpers.places.room import (
    WAYS,
    Held,
    Place,
    Use,
    elsewhere,
    places,
    published,
    queued,
)

__all__ = [
    "WAYS",
    "Held",
    "Place",
    "Use",
    "demand_layer",
    "distance_km",
    "elsewhere",
    "front",
    "ground",
    "label",
    "per_chargepoint",
    "places",
    "published",
    "queued",
]
