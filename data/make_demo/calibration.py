"""The figures that the demo is calibrated to, each with its source.

`data/README.md` sets every one of them beside what the demo shows. Nothing here is tuned to data
that is not named. Figures marked "assumption" have no published source: they are round numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

YEAR = 2025

# England and Wales, 2025 (GOV.UK list of bank holidays).
BANK_HOLIDAYS = (
    "2025-01-01",
    "2025-04-18",
    "2025-04-21",
    "2025-05-05",
    "2025-05-26",
    "2025-08-25",
    "2025-12-25",
    "2025-12-26",
)
# Days on which offices are shut between the holidays: assumption.
CHRISTMAS_SHUTDOWN = ("2025-12-24", "2025-12-27", "2025-12-28", "2025-12-29", "2025-12-30")

# Mean air temperature by month [°C], round figures for England; day-to-day spread [K] and
# day-to-day correlation: assumption.
MONTH_TEMPERATURE = (4.5, 5.0, 6.5, 9.0, 12.0, 14.5, 16.5, 16.5, 14.0, 10.5, 7.5, 5.0)
TEMPERATURE_SPREAD = 2.8
TEMPERATURE_MEMORY = 0.80
# Extra energy of a session for each kelvin below 15 °C (cabin heat, cold battery): assumption.
COLD_ENERGY_PER_K = 0.015

# Hours of arrival [% of the day's sessions], hour 0 to 23.
# Measured: Perth & Kinross Council, 2016–2019, 48,514 sessions on 50 kW units (OGL v3).
RAPID_WEEKDAY = (
    0.3, 0.2, 0.1, 0.1, 0.1, 0.3, 1.0, 2.6, 5.5, 6.1, 5.9, 6.9,
    8.0, 7.8, 7.6, 8.7, 7.7, 9.3, 8.5, 5.8, 3.5, 2.1, 1.3, 0.6,
)  # fmt: skip
RAPID_WEEKEND = (
    0.6, 0.4, 0.3, 0.2, 0.2, 0.3, 0.5, 1.3, 3.2, 5.2, 7.9, 8.4,
    9.8, 9.1, 8.8, 8.6, 9.1, 8.3, 6.1, 4.6, 3.1, 1.9, 1.4, 0.8,
)  # fmt: skip
# Measured: the same files, 12,849 sessions on 22 kW units.
FAST_WEEKDAY = (
    0.2, 0.2, 0.1, 0.1, 0.0, 0.1, 0.4, 4.5, 13.5, 11.1, 8.0, 8.3,
    8.8, 8.8, 6.4, 4.7, 5.1, 5.8, 5.7, 4.4, 1.8, 1.0, 0.6, 0.3,
)  # fmt: skip
FAST_WEEKEND = (
    0.5, 0.6, 0.2, 0.1, 0.0, 0.0, 0.1, 0.7, 2.7, 10.4, 11.1, 11.4,
    12.4, 11.0, 10.5, 7.4, 5.5, 4.8, 3.8, 2.8, 1.8, 0.9, 0.6, 0.8,
)  # fmt: skip
# Measured: ACN-Data, Caltech garage, weekdays September–December 2019 (CC BY 4.0).
WORKPLACE_WEEKDAY = (
    0.1, 0.0, 0.0, 0.0, 0.0, 0.1, 0.5, 2.7, 18.2, 24.2, 14.9, 7.0,
    6.4, 6.7, 3.7, 2.0, 2.2, 3.3, 3.7, 1.7, 1.3, 0.7, 0.4, 0.2,
)  # fmt: skip
# Coming home, on-street: assumption about Electric Nation's evening charging (about 3 charges a
# week, plugged in for more than 12 h).
HOME_EVENING = (
    0.5, 0.2, 0.1, 0.0, 0.0, 0.0, 0.2, 0.5, 1.0, 1.5, 2.0, 2.5,
    3.0, 3.0, 3.5, 6.0, 11.0, 17.0, 17.0, 12.0, 8.0, 6.0, 3.5, 1.5,
)  # fmt: skip
# Gym and pool before and after work: assumption.
LEISURE_WEEKDAY = (
    0.0, 0.0, 0.0, 0.0, 0.0, 0.3, 5.0, 6.5, 5.0, 7.0, 7.5, 5.5,
    5.0, 4.0, 3.5, 5.0, 8.0, 11.5, 12.5, 9.0, 4.0, 0.7, 0.0, 0.0,
)  # fmt: skip

# Sessions a day relative to the week's mean, Monday to Sunday.
RAPID_WEEK = (1.02, 0.95, 1.01, 1.02, 1.09, 1.00, 0.92)  # measured: Perth & Kinross, 50 kW
FAST_WEEK = (0.96, 1.05, 0.96, 1.05, 1.08, 1.14, 0.76)  # measured: Perth & Kinross, 22 kW
WORKPLACE_WEEK = (1.38, 1.46, 1.33, 1.30, 1.12, 0.20, 0.20)  # measured: ACN, both sites, rounded
EVEN_WEEK = (1.0,) * 7
RETAIL_WEEK = (0.92, 0.90, 0.92, 0.96, 1.10, 1.22, 0.98)  # assumption

# Sessions by month relative to the year's mean: assumptions (commuting, trade, holiday travel).
EVEN_YEAR = (1.0,) * 12
OFFICE_YEAR = (1.02, 1.04, 1.04, 0.98, 0.99, 1.01, 0.94, 0.86, 1.04, 1.04, 1.06, 0.98)
RETAIL_YEAR = (0.96, 0.95, 0.97, 0.98, 0.98, 0.98, 0.98, 0.97, 0.98, 1.00, 1.08, 1.17)
TRAVEL_YEAR = (0.84, 0.90, 0.94, 1.04, 1.03, 1.04, 1.13, 1.20, 1.00, 1.00, 0.90, 0.98)


@dataclass(frozen=True)
class Spread:
    """A log-normal spread: its median and the standard deviation of its logarithm."""

    median: float
    sigma: float


# Energy [kWh] and stay [h] by class. Perth & Kinross measured a log spread of 0.85 (energy) and
# 0.79 (stay) on 50 kW units, correlation 0.65; on 22 kW units 0.99, 1.29 and 0.72. Spreads here
# are narrower where Perth's mix sites and early small-battery cars.
RAPID_ENERGY, RAPID_STAY = Spread(21.0, 0.55), Spread(0.58, 0.50)
# Public DC in Germany: about 40 kWh in about 45 min (Hecht 2020, 2022).
ULTRA_ENERGY, ULTRA_STAY = Spread(36.0, 0.50), Spread(0.62, 0.40)
# Public AC in Germany: at most about 20 kWh and 4 h, rarely above 11 kW (Hecht 2020, 2022).
FAST_ENERGY, FAST_STAY = Spread(12.0, 0.65), Spread(1.9, 0.70)
STREET_DAY_ENERGY, STREET_DAY_STAY = Spread(10.0, 0.60), Spread(3.0, 0.60)
# Electric Nation: plugged in for more than 12 h; about 3 charges a week.
STREET_NIGHT_ENERGY, STREET_NIGHT_STAY = Spread(16.0, 0.55), Spread(12.8, 0.18)
# ACN, JPL, September–December 2019: median 12.0 kWh, stay 8.2 h, p10–p90 4.5–32 kWh.
WORKPLACE_ENERGY, WORKPLACE_STAY = Spread(12.0, 0.70), Spread(7.9, 0.28)
SHOP_ENERGY, SHOP_STAY = Spread(9.0, 0.60), Spread(0.95, 0.50)
GYM_ENERGY, GYM_STAY = Spread(8.5, 0.55), Spread(1.45, 0.35)
# Drawn so that, once the rating has capped what a short stay can take, rapid sessions show the
# 0.65 measured in Perth & Kinross.
ENERGY_STAY_CORRELATION = 0.45

# What cars take on AC [kW, share]: Hecht found AC "rarely above 11 kW".
AC_CARS = ((3.6, 0.12), (7.2, 0.50), (11.0, 0.33), (22.0, 0.05))
# What cars take at best on DC [kW, share]: assumption.
DC_CARS = ((50.0, 0.10), (80.0, 0.20), (110.0, 0.28), (150.0, 0.25), (200.0, 0.12), (250.0, 0.05))
# The mean power of a session stays below the car's best by its taper and by idle time.
MOST_OF_STAY_AT_MAX = 0.92

# In-half-hour 1-minute maximum over the mean, less 1: WPD Mousehole, median 1.06, p95 1.12.
PEAK_WITHIN_HALF_HOUR = Spread(0.06, 0.42)
