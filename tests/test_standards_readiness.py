"""Which schemes a list of chargers can operate, and what it lacks."""

import json

import pytest
from typer.testing import CliRunner

from scchelpers.cli import app
from scchelpers.faults import UserError
from scchelpers.standards.readiness import COLUMNS, Equipment, read_chargers, scheme_readiness

MODERN = "ac,3,ocpp-2.0.1,yes,wired,second,22,6"
MOBILE = "ac,1,ocpp-1.6,yes,mobile,half-hourly,7.4,6"
RAPID = "dc,0,ocpp-1.6,yes,mobile,minute,50,0"
PLAIN = "ac,1,ocpp-1.6,no,mobile,none,7.4,6"
DUMB = "ac,1,none,no,none,none,3.6,6"
MAKER = "ac,3,other,no,wired,half-hourly,11,6"
ALL_SITE = Equipment(
    site_metering="second", local_controller=True, controller_connected=True, signal="rest"
)


@pytest.fixture
def listed(tmp_path):
    def write(*chargers: str):
        path = tmp_path / "chargers.csv"
        lines = [",".join(COLUMNS), *(f"evse-{k},{row}" for k, row in enumerate(chargers))]
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


SCHEMES = ["TCC", "static CLM", "dynamic CLM", "profiled capacity", "LMC", "CMC"]
CASES = {
    "modern chargers, nothing else": ([MODERN] * 2, Equipment(), "yes yes no no no no"),
    "modern chargers on a full site": ([MODERN] * 2, ALL_SITE, "yes yes yes yes yes yes"),
    "mobile chargers": ([MOBILE], Equipment(), "yes yes no no no no"),
    "mobile chargers that hear the DNO": (
        [MOBILE],
        Equipment(site_metering="minute", signal="oscp-2.0"),
        "yes yes no yes yes yes",
    ),
    "half-hourly meters are too coarse for LMC": (
        [MOBILE],
        Equipment(site_metering="half-hourly", signal="oscp-2.0"),
        "yes yes no yes no no",
    ),
    "a cable is missing": ([MODERN, MOBILE], ALL_SITE, "yes yes in-part yes yes yes"),
    "no smart charging": ([PLAIN], ALL_SITE, "no no no no no no"),
    "one cannot be managed": ([MODERN, DUMB], ALL_SITE, "in-part " * 6),
    "a maker's own controller": ([MAKER], ALL_SITE, "yes yes yes yes yes yes"),
    "a maker's chargers without it": (
        [MAKER],
        Equipment(site_metering="second"),
        "no no no no no no",
    ),
    "no meter": ([PLAIN.replace("no,mobile", "yes,mobile")], Equipment(), "no no no no no no"),
    "rapids by the minute": ([RAPID], Equipment(signal="openadr-3"), "yes yes no yes yes yes"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_each_site_can_operate(listed, name):
    chargers, equipment, wanted = CASES[name]
    found = scheme_readiness(read_chargers(listed(*chargers)), equipment)
    assert found.index.tolist() == SCHEMES
    assert found["ready"].tolist() == [word.replace("-", " ") for word in wanted.split()]
    assert ((found["lacks"].map(len) == 0) == (found["ready"] == "yes")).all()
    assert (found["lacks"].map(len) == found["remedy"].map(len)).all()


def test_the_unmanaged_keep_their_rating_and_the_managed_their_least_current(listed):
    found = scheme_readiness(read_chargers(listed(MODERN, MODERN, MOBILE, RAPID, DUMB)))
    tcc = found.loc["TCC"]
    assert (tcc["managed"], tcc["unmanaged_kw"]) == (4, 3.6)
    assert tcc["lowest_kw"] == pytest.approx(3.6 + 2 * 4.14 + 1.38)
    assert "takes a limit: evse-4" in tcc["lacks"]


def test_what_many_lack_is_counted(listed):
    found = scheme_readiness(read_chargers(listed(MODERN, *[DUMB] * 5)))
    assert "takes a limit: 5 chargers of 6, such as evse-1" in found.loc["TCC", "lacks"]
    found = scheme_readiness(read_chargers(listed(DUMB)))
    assert "takes a limit: every charger" in found.loc["TCC", "lacks"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            "ac,3,ocpp-1.7,yes,wired,second,22,6",
            r"row 3, protocol = 'ocpp-1\.7': did you mean ocpp",
        ),
        ("ac,0,ocpp-1.6,yes,wired,second,22,6", "row 3, phases = '0': 0 for dc"),
        ("ac,3,ocpp-1.6,yes,wired,second,nan,6", "row 3, rated_kw = 'nan': a number"),
        ("ac,3,ocpp-1.6,yes,wired,second,22,-6", "row 3, min_current_a = '-6'"),
        ("ac,3,ocpp-1.6,,wired,second,22,6", "row 3, smart_charging = '': one of yes, no"),
        ("ac,3,ocpp-1.6,yes", "row 3"),
    ],
)
def test_a_wrong_row_is_named(listed, row, said):
    with pytest.raises(UserError, match=said):
        read_chargers(listed(MODERN, row))


def test_a_list_that_is_none_is_refused(tmp_path):
    path = tmp_path / "chargers.csv"
    for content, said in (
        ("evse_id,kind\na,ac\n", "no column 'phases'"),
        (",".join(COLUMNS) + "\n", "no chargers"),
        ("", "must be a table"),
        (",".join(COLUMNS) + f"\na,{MODERN}\na,{MODERN}\n", "row 3, evse_id = 'a'"),
    ):
        path.write_text(content)
        with pytest.raises(UserError, match=said):
            read_chargers(path)
    with pytest.raises(UserError, match="site_metering = 'daily'"):
        Equipment(site_metering="daily")
    with pytest.raises(UserError, match="no local_controller"):
        Equipment(controller_connected=True)


def test_the_command_line_answers_in_words_and_in_json(listed):
    path = str(listed(MODERN, DUMB))
    said = CliRunner().invoke(app, ["ready", path, "-o", "site_metering=half-hourly"])
    assert said.exit_code == 0
    assert "TCC: in part" in said.output
    assert "LMC: no" in said.output
    assert "lacks can be sent a profile: evse-1 -> a connection" in said.output
    options = ["-o", "site_metering=minute", "-o", "signal=rest", "--json"]
    found = json.loads(CliRunner().invoke(app, ["ready", path, *options]).output)
    assert found["LMC"]["ready"] == "in part"
    assert found["LMC"]["unmanaged_kw"] == 3.6
