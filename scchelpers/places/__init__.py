"""Where to connect: what each asset of a portfolio takes, and places set beside each other."""

from scchelpers.places.maps import demand_layer, distance_km, front, ground, per_chargepoint
from scchelpers.places.room import WAYS, Held, Place, Use, places, queued

__all__ = [
    "WAYS",
    "Held",
    "Place",
    "Use",
    "demand_layer",
    "distance_km",
    "front",
    "ground",
    "per_chargepoint",
    "places",
    "queued",
]
