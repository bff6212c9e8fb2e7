"""Where the demo's made-up sites and assets are drawn: an invented place in south-west Scotland."""

ON_GROUND = {  # latitude, longitude [degrees]
    "northgate-primary": (55.075, -3.605),
    "elm-road-tx": (55.087, -3.632),
    "market-tx": (55.068, -3.622),
    "kelvin-feeder": (55.042, -3.560),
    "quarry-feeder": (55.102, -3.568),
    "coastal-feeder": (55.018, -3.470),
    "solway-feeder": (55.012, -3.640),
    "science-park-tx": (55.052, -3.682),
    "elm-road-lamps": (55.091, -3.640),
    "elm-road-posts": (55.084, -3.642),
    "science-park": (55.047, -3.690),
    "market-retail": (55.064, -3.628),
    "riverside-leisure": (55.062, -3.610),
    "kelvin-bus-depot": (55.037, -3.548),
    "kelvin-van-depot": (55.048, -3.546),
    "station-taxi-hub": (55.108, -3.560),
    "coastal-services": (55.013, -3.458),
    "village-hall": (55.120, -3.700),
    "harbour-works": (55.000, -3.730),
    "solway-park-ride": (55.006, -3.650),
}


def on_ground(row: dict, own: str) -> dict:
    """Return a row of a table with latitude and longitude, where its place was invented."""
    place = ON_GROUND.get(row[own])
    return row if place is None else row | dict(zip(("latitude", "longitude"), place, strict=True))
