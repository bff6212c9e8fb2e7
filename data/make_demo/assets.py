"""The network assets of the demo, their ratings and their load before the new sites."""

from __future__ import annotations

from dataclasses import dataclass

from make_demo.loads import (
    HOMES_SUMMER,
    HOMES_WINTER,
    INDUSTRY,
    NIGHT_HEAT_SUMMER,
    NIGHT_HEAT_WINTER,
    OFFICE,
    SHOP,
    Shape,
)


@dataclass(frozen=True)
class DemoAsset:
    """A network asset: its row of `assets.csv`, its load shape [kVA], PV and odd machines [kVA]."""

    number: int
    row: dict
    shape: Shape
    pv_kva: float = 0.0
    machine_kva: tuple[float, ...] = ()


def ratings(winter: float, spring: float, summer: float, autumn: float) -> dict:
    """Return ratings [kVA] by season as columns of `assets.csv`."""
    return {
        "rating_winter_kva": winter,
        "rating_spring_kva": spring,
        "rating_summer_kva": summer,
        "rating_autumn_kva": autumn,
    }


ASSETS = (
    DemoAsset(
        101,
        {
            "asset_id": "northgate-primary",
            "name": "Northgate primary substation",
            "kind": "primary",
            **ratings(7800, 7300, 6800, 7500),
        },
        Shape(6400, HOMES_WINTER, HOMES_SUMMER, 0.98, 1.0, 0.1, noise=0.02),
    ),
    DemoAsset(
        102,
        {
            "asset_id": "elm-road-tx",
            "name": "Elm Road transformer",
            "kind": "transformer",
            **ratings(500, 500, 460, 490),
            "parent_id": "northgate-primary",
        },
        Shape(430, HOMES_WINTER, HOMES_SUMMER, 1.01, 1.03, 0.0, noise=0.03),
    ),
    DemoAsset(
        103,
        {
            "asset_id": "market-tx",
            "name": "Market Street transformer",
            "kind": "transformer",
            **ratings(1000, 950, 900, 950),
            "parent_id": "northgate-primary",
        },
        Shape(
            610,
            SHOP,
            SHOP,
            1.06,
            0.75,
            0.35,
            heat_per_k=0.01,
            cool_per_k=0.03,
            noise=0.07,
            december=1.12,
        ),
    ),
    DemoAsset(
        104,
        {
            "asset_id": "kelvin-feeder",
            "name": "Kelvin industrial estate feeder",
            "kind": "feeder",
            **ratings(4000, 3800, 3600, 3800),
        },
        Shape(3250, INDUSTRY, INDUSTRY, 0.45, 0.25, 0.22, heat_per_k=0.004, noise=0.03),
    ),
    DemoAsset(
        105,
        {
            "asset_id": "quarry-feeder",
            "name": "Quarry Lane feeder",
            "kind": "feeder",
            **ratings(1600, 1550, 1500, 1550),
            "parent_id": "northgate-primary",
        },
        Shape(560, SHOP, SHOP, 0.95, 0.90, 0.5, noise=0.05),
        machine_kva=(750.0,),
    ),
    DemoAsset(
        106,
        {
            "asset_id": "coastal-feeder",
            "name": "Coastal road feeder",
            "kind": "feeder",
            **ratings(2800, 2700, 2550, 2700),
        },
        Shape(2250, NIGHT_HEAT_WINTER, NIGHT_HEAT_SUMMER, 1.01, 1.02, 0.0, noise=0.03),
    ),
    DemoAsset(
        107,
        {
            "asset_id": "solway-feeder",
            "name": "Solway feeder with solar farm",
            "kind": "feeder",
            **ratings(2350, 2250, 2100, 2250),
        },
        Shape(2050, HOMES_WINTER, HOMES_SUMMER, 1.01, 1.03, 0.0, noise=0.03),
        pv_kva=2700.0,
    ),
    DemoAsset(
        108,
        {
            "asset_id": "science-park-tx",
            "name": "Science park transformer",
            "kind": "transformer",
            **ratings(1500, 1450, 1400, 1450),
        },
        Shape(640, OFFICE, OFFICE, 0.25, 0.15, 0.24, heat_per_k=0.01, cool_per_k=0.03, noise=0.04),
    ),
)
