"""The twelve synthetic sites of the demo: who charges there, on what, beside which load."""

from __future__ import annotations

from dataclasses import dataclass

from make_demo import calibration as cal
from make_demo.loads import INDUSTRY, OFFICE, POOL, SHOP, Shape
from make_demo.sessions import Fleet, Visits
from make_demo.users import gym_visit, night_at_home, office_day, rapid_stop


@dataclass(frozen=True)
class Group:
    """EVSEs of one kind at a site: their number, rating [kW], phases and sockets a unit."""

    count: int
    rated_kw: float
    phases: int
    sockets: int = 1


@dataclass(frozen=True)
class DemoSite:
    """A synthetic site.

    Attributes
    ----------
    number : int
        Seeds the site's randomness; never reused, so that no site changes when one is added.
    row : dict
        Its row of `sites.csv`.
    groups : dict of str to Group
        Its EVSEs.
    use : tuple of Visits or Fleet
        Who charges.
    residual : Shape, optional
        Its other load [kW].
    step : str
        Step of the residual load.
    """

    number: int
    row: dict
    groups: dict[str, Group]
    use: tuple
    residual: Shape | None = None
    step: str = "30min"


def _row(site_id: str, name: str, site_type: str, **fields) -> dict:
    return {"site_id": site_id, "name": name, "site_type": site_type, **fields}


SITES = (
    DemoSite(
        1,
        _row(
            "elm-road-lamps",
            "Elm Road lamp columns",
            "on_street",
            requested_kva=134,
            power_factor=0.98,
            asset_id="elm-road-tx",
            connection_kv=0.4,
        ),
        {"lamp": Group(24, 5.5, 1)},
        (
            night_at_home("lamp", 0.42),
            Visits("lamp", 0.20, cal.STREET_DAY_ENERGY, cal.STREET_DAY_STAY, week=cal.FAST_WEEK),
        ),
    ),
    DemoSite(
        2,
        _row(
            "elm-road-posts",
            "Elm Road fast posts",
            "on_street",
            requested_kva=150,
            power_factor=0.98,
            asset_id="elm-road-tx",
            connection_kv=0.4,
        ),
        {"post": Group(12, 22, 3, 2)},
        (
            Visits("post", 1.08, cal.FAST_ENERGY, cal.FAST_STAY, week=cal.FAST_WEEK),
            night_at_home("post", 0.22),
        ),
    ),
    DemoSite(
        3,
        _row(
            "science-park",
            "Science park offices",
            "workplace",
            dsc_kva=420,
            requested_kva=300,
            power_factor=0.98,
            asset_id="science-park-tx",
            connection_kv=0.4,
        ),
        {"desk": Group(40, 7.4, 1, 2)},
        (office_day("desk", 0.72),),
        Shape(
            260, OFFICE, OFFICE, 0.25, 0.15, 0.24, heat_per_k=0.012, cool_per_k=0.035, noise=0.04
        ),
    ),
    DemoSite(
        4,
        _row(
            "market-retail",
            "Market Street supermarket",
            "retail",
            dsc_kva=400,
            requested_kva=380,
            power_factor=0.97,
            asset_id="market-tx",
            connection_kv=0.4,
        ),
        {"bay": Group(8, 22, 3, 2), "rapid": Group(4, 50, 0)},
        (
            Visits(
                "bay",
                2.0,
                cal.SHOP_ENERGY,
                cal.SHOP_STAY,
                week=cal.RETAIL_WEEK,
                year=cal.RETAIL_YEAR,
                christmas=0.0,
            ),
            rapid_stop("rapid", 5.4, week=cal.RETAIL_WEEK, year=cal.RETAIL_YEAR, christmas=0.0),
        ),
        Shape(235, SHOP, SHOP, 1.04, 0.80, 0.40, cool_per_k=0.04, noise=0.07, december=1.10),
    ),
    DemoSite(
        5,
        _row(
            "riverside-leisure",
            "Riverside leisure centre",
            "leisure",
            dsc_kva=230,
            requested_kva=200,
            power_factor=0.97,
            asset_id="market-tx",
            connection_kv=0.4,
        ),
        {"gym": Group(16, 7.4, 1, 2), "fast": Group(4, 22, 3, 2)},
        (gym_visit("gym", 1.5), gym_visit("fast", 2.2)),
        Shape(125, POOL, POOL, 0.92, 0.85, 0.42, heat_per_k=0.022, noise=0.06),
        "5min",
    ),
    DemoSite(
        6,
        _row(
            "kelvin-bus-depot",
            "Kelvin bus depot",
            "bus_depot",
            dsc_kva=300,
            requested_kva=2500,
            power_factor=0.98,
            asset_id="kelvin-feeder",
            connection_kv=11,
        ),
        {"bus": Group(30, 100, 0)},
        (
            Fleet(
                "bus",
                (0.92, 0.92, 0.92, 0.92, 0.92, 0.80, 0.60),
                (20.8, 1.8),
                (5.6, 0.7),
                cal.Spread(190.0, 0.25),
                100.0,
                top_up=0.12,
                holiday=0.65,
            ),
        ),
        Shape(150, POOL, POOL, 0.80, 0.60, 0.30, heat_per_k=0.012, noise=0.08),
    ),
    DemoSite(
        7,
        _row(
            "kelvin-van-depot",
            "Kelvin parcel van depot",
            "van_depot",
            dsc_kva=350,
            requested_kva=450,
            power_factor=0.98,
            asset_id="kelvin-feeder",
            connection_kv=0.4,
        ),
        {"van": Group(40, 11, 3, 2)},
        (
            Fleet(
                "van",
                (0.90, 0.90, 0.90, 0.90, 0.90, 0.55, 0.10),
                (17.6, 1.0),
                (7.2, 0.6),
                cal.Spread(27.0, 0.35),
                11.0,
                holiday=0.15,
            ),
        ),
        Shape(180, INDUSTRY, INDUSTRY, 0.6, 0.3, 0.20, noise=0.06, december=1.15),
    ),
    DemoSite(
        8,
        _row(
            "station-taxi-hub",
            "Station taxi and rapid hub",
            "rapid_hub",
            requested_kva=510,
            power_factor=0.98,
            asset_id="quarry-feeder",
            connection_kv=11,
        ),
        {"rapid": Group(10, 50, 0)},
        (rapid_stop("rapid", 5.4),),
    ),
    DemoSite(
        9,
        _row(
            "coastal-services",
            "Coastal trunk road services",
            "en_route",
            requested_kva=1230,
            power_factor=0.98,
            asset_id="coastal-feeder",
            connection_kv=11,
        ),
        {"ultra": Group(8, 150, 0)},
        (
            rapid_stop(
                "ultra", 5.6, energy=cal.ULTRA_ENERGY, stay=cal.ULTRA_STAY, year=cal.TRAVEL_YEAR
            ),
        ),
    ),
    DemoSite(
        10,
        _row(
            "village-hall",
            "Village hall car park",
            "mixed",
            dsc_kva=69,
            requested_kva=97,
            power_factor=0.98,
            connection_kv=0.4,
        ),
        {"rapid": Group(1, 50, 0), "socket": Group(6, 7.4, 1, 2)},
        (
            rapid_stop("rapid", 5.5),
            Visits("socket", 0.75, cal.FAST_ENERGY, cal.FAST_STAY, week=cal.FAST_WEEK),
            night_at_home("socket", 0.30),
        ),
    ),
    DemoSite(
        11,
        _row(
            "harbour-works",
            "Harbour boatyard",
            "workplace",
            dsc_kva=160,
            requested_kva=150,
            power_factor=0.95,
            connection_kv=0.4,
        ),
        {"yard": Group(14, 7.4, 1, 2), "fast": Group(2, 22, 3, 2)},
        (office_day("yard", 0.70), Visits("fast", 1.1, cal.FAST_ENERGY, cal.FAST_STAY)),
        Shape(44, INDUSTRY, INDUSTRY, 0.5, 0.25, 0.12, heat_per_k=0.015, noise=0.05),
        "1min",
    ),
    DemoSite(
        12,
        _row(
            "solway-park-ride",
            "Solway park and ride",
            "park_and_ride",
            requested_kva=420,
            power_factor=0.98,
            asset_id="solway-feeder",
            connection_kv=11,
        ),
        {"park": Group(30, 7.4, 1, 2), "rapid": Group(4, 50, 0)},
        (office_day("park", 0.55), rapid_stop("rapid", 4.5)),
    ),
)
