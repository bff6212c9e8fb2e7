"""Every price of the business case: value, range, year and source. Nothing else holds a price.

`CHECKED` sources were read; the rest are orders of magnitude to be replaced by a quotation.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Price:
    """One price or rate.

    Attributes
    ----------
    name : str
        Name.
    value, low, high : float
        Central value, and the range in which it is thought to lie.
    unit : str
        Unit; "–" for a pure number.
    meaning : str
        One line for people.
    year : int
        Year of the price level.
    source : str
        Where it is from.
    checked : bool
        Whether the source was read; else the price is unverified.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str
    meaning: str
    year: int
    source: str
    checked: bool = False


ASSUMED = "assumption of this workbook"
DCC = "order of DNO charging statements (CDCM)"
CHARGING = "order of public price indices of charging"

PRICES = (
    # Rates
    Price("customer_rate", 0.08, 0.05, 0.12, "a year", "customer's real rate of return", 2025,
          ASSUMED),
    Price("social_rate", 0.035, 0.030, 0.060, "a year", "Green Book rate of the first 30 years",
          2022, "HM Treasury, The Green Book (2022); 3.0 % under review", True),
    # Energy
    Price("ac_price", 0.54, 0.40, 0.65, "£/kWh", "price to drivers, slow and fast", 2025,
          CHARGING),
    Price("dc_price", 0.76, 0.60, 0.85, "£/kWh", "price to drivers, rapid and ultra", 2025,
          CHARGING),
    Price("fleet_price", 0.45, 0.30, 0.65, "£/kWh", "worth of a kWh to a fleet at its depot",
          2025, ASSUMED),
    Price("energy_cost", 0.30, 0.20, 0.38, "£/kWh", "cost of a kWh sold",
          2025, ASSUMED),
    Price("goodwill", 0.10, 0.0, 0.50, "£/kWh",
          "further cost of a kWh not served", 2025,
          ASSUMED),
    Price("chargepoint_hire", 60.0, 30.0, 100.0, "£/kW a year",
          "yearly cost of chargepoints", 2025, ASSUMED),
    # Network charges, for sites metered by current transformers
    Price("capacity_charge", 4.0, 1.5, 8.0, "p/kVA/day", "charge for agreed capacity", 2025, DCC),
    Price("excess_charge", 8.0, 4.0, 16.0, "p/kVA/day", "charge for capacity above it", 2025,
          f"{DCC}; DCP161: up to three times"),
    # Connection
    Price("extension_fixed", 3000.0, 1000.0, 8000.0, "£", "sole-use assets, fixed part", 2021,
          "bands of DNO guides"),
    Price("extension_rate", 60.0, 20.0, 150.0, "£/kVA", "sole-use assets, by capacity", 2021,
          "bands of DNO guides"),
    Price("high_cost_threshold", 1720.0, 1720.0, 1720.0, "£/kVA",
          "high-cost threshold of reinforcement", 2023,
          "Ofgem, Access Significant Code Review; UKPN", True),
    # Reinforcement
    Price("transformer_cost", 47_500.0, 35_000.0, 60_000.0, "£", "cost of a new substation",
          2019, "Hydrock, developer's rule of thumb", True),
    Price("transformer_size", 500.0, 315.0, 1000.0, "kVA", "capacity of a new substation", 2019,
          ASSUMED),
    Price("feeder_cost", 330_000.0, 210_000.0, 480_000.0, "£",
          "cost of a new feeder", 2020,
          "3 km assumed; eDisGo (dena, BNetzA): 80 to 140 k€ a km"),
    Price("feeder_size", 4000.0, 2500.0, 6000.0, "kVA", "capacity of a new feeder", 2020, ASSUMED),
    Price("primary_cost", 860_000.0, 600_000.0, 2_000_000.0, "£",
          "cost of a new primary transformer", 2020, "eDisGo (dena, BNetzA): 1,000 k€", True),
    Price("primary_size", 12_000.0, 7500.0, 24_000.0, "kVA",
          "capacity of a new primary transformer", 2020, ASSUMED),
    Price("asset_life", 45.0, 30.0, 60.0, "years", "life of network assets", 2023,
          "usual in price control; not read"),
    # Time to connect
    Price("extension_years", 0.5, 0.25, 1.0, "years", "time to connect without reinforcement",
          2025, ASSUMED),
    Price("notice_years", 0.15, 0.0, 0.5, "years", "time to set up a CLM", 2025,
          ASSUMED),
    Price("transformer_years", 1.25, 0.75, 2.5, "years", "time to reinforce a substation", 2025,
          ASSUMED),
    Price("feeder_years", 2.0, 1.0, 4.0, "years", "time to reinforce a feeder", 2025, ASSUMED),
    Price("primary_years", 4.0, 2.0, 7.0, "years", "time to reinforce a primary", 2025, ASSUMED),
    Price("scheme_years", 0.25, 0.0, 1.0, "years",
          "further time for DNO signals", 2025, ASSUMED),
    # Control, by scheme: c customer, d DNO
    Price("timed_equipment", 1500.0, 500.0, 5000.0, "£", "set-up of a TCC", 2025,
          ASSUMED),
    Price("timed_running", 150.0, 0.0, 600.0, "£ a year", "upkeep of a TCC", 2025, ASSUMED),
    Price("profiled_running", 600.0, 200.0, 2000.0, "£ a year",
          "link for limits a day ahead", 2025, ASSUMED),
    Price("static_equipment", 1000.0, 200.0, 3000.0, "£", "set-up of a static CLM", 2025,
          ASSUMED),
    Price("dynamic_equipment", 4000.0, 1500.0, 10_000.0, "£",
          "meter signal and controller of a CLM", 2025, ASSUMED),
    Price("dynamic_running", 300.0, 100.0, 1000.0, "£ a year", "upkeep of a dynamic CLM", 2025,
          ASSUMED),
    Price("signal_equipment", 6000.0, 2000.0, 20_000.0, "£",
          "customer's interface to DNO signals", 2025, ASSUMED),
    Price("signal_running", 900.0, 300.0, 3000.0, "£ a year", "upkeep of that interface", 2025,
          ASSUMED),
    Price("local_equipment", 15_000.0, 5000.0, 40_000.0, "£", "DNO's monitor and control, LMC",
          2025, ASSUMED),
    Price("local_running", 1500.0, 500.0, 5000.0, "£ a year", "DNO's upkeep, LMC", 2025, ASSUMED),
    Price("central_equipment", 30_000.0, 10_000.0, 100_000.0, "£",
          "DNO's share of a CMC system", 2025, ASSUMED),
    Price("central_running", 4000.0, 1000.0, 12_000.0, "£ a year", "DNO's upkeep, CMC", 2025,
          ASSUMED),
    # Risk
    Price("trips", 0.2, 0.0, 1.0, "a year", "trips of the supply",
          2025, ASSUMED),
    Price("trip_hours", 4.0, 1.0, 24.0, "h", "time until supply is back", 2023,
          "non-domestic lock-out of EREC G100 in secondary sources"),
    Price("trip_callout", 300.0, 100.0, 1000.0, "£", "call-out after a trip", 2025, ASSUMED),
    Price("other_load_value", 6.0, 2.0, 17.0, "£/kWh", "worth of other load lost",
          2013, "order of London Economics' value of lost load; not read"),
    Price("breaches", 0.02, 0.0, 0.10, "a year", "broken limits claimed for", 2025,
          ASSUMED),
    Price("breach_cost", 5000.0, 1000.0, 25_000.0, "£", "cost of a broken limit", 2025,
          ASSUMED),
    # Flexibility
    Price("flexibility_price", 300.0, 100.0, 600.0, "£/MWh", "price of flexibility", 2025,
          "order of DNO flexibility tenders"),
    Price("flexibility_hours", 60.0, 0.0, 200.0, "h a year", "flexibility called", 2025, ASSUMED),
    # How well the engine's year stands for the years to come
    Price("demand_level", 1.0, 0.6, 1.3, "–", "energy wanted, times the record", 2025, ASSUMED),
    Price("curtailment_level", 1.0, 0.5, 2.0, "–", "energy unserved, times the simulation", 2025,
          "a 1 to 2 % error of loading moves curtailment by 8 to 26 %; the rest assumed"),
)  # fmt: skip
