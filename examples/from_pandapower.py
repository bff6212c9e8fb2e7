"""A pandapower network as a network model of a portfolio, its names kept.

Needs `pip install pandapower power-grid-model-io`, best in an environment of their own. What
pandapower reads by its converters (OpenDSS, CIM, simbench) comes in the same way:

    python examples/from_pandapower.py network.json my-portfolio/networks/mill-feeder.json
"""

import json
import sys
from pathlib import Path


def converted(net) -> str:
    """Return a pandapower network as the JSON text of power-grid-model, in SI units."""
    from power_grid_model.utils import json_serialize
    from power_grid_model_io.converters import PandaPowerConverter

    data, told = PandaPowerConverter().load_input_data(net)
    document = json.loads(json_serialize(data))
    for kind, rows in document["data"].items():
        for row in rows:
            reference = told.get(row["id"], {}).get("id_reference", {})
            table, index = reference.get("table"), reference.get("index")
            name = net[table]["name"].get(index) if table and "name" in net[table] else None
            if isinstance(name, str) and name:
                row["name"] = name
        # Each load comes three times, as constant power, impedance and current: most are nothing.
        if kind == "sym_load":
            rows[:] = [r for r in rows if r["type"] == 0 or r["p_specified"] or r["q_specified"]]
    return json.dumps(document, indent=1)


if __name__ == "__main__":
    import pandapower

    source, target = sys.argv[1:3]
    Path(target).write_text(converted(pandapower.from_json(source)), encoding="utf-8")
