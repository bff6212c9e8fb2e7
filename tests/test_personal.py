"""Nothing planted about a person in an input is found in anything that is written or printed."""

import base64
import json

import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from scchelpers.cli import app
from tests.test_importers_ocpi import PLANTED, cdr

MARKERS = {
    "Driver": "Zebedee Quillfeather",
    "Card ID": "04A1B2C3D4E5F6",
    "E-mail": "zq@quillfeather.example",
    "Phone": "07700900461",
    "Registration": "ZQ26XYZ",
    "Contract": "GBQUILL0009",
    "Comments": "parked by Z. Quillfeather-Smythe",
}
WORDS = (*MARKERS.values(), *PLANTED)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Import planted files, check them, run a notebook; return the folder and all that was said."""
    folder = tmp_path_factory.mktemp("planted")
    head = ["Chargepoint", "Site", "Start", "End", "Energy (kWh)", "Rated kW", *MARKERS]
    rows = []
    for point in ("A1", "A2"):
        for day in pd.date_range("2025-01-06", periods=40):
            begins = day + pd.Timedelta(hours=9 + int(point[1]), minutes=day.day)
            ends = begins + pd.Timedelta("2h")
            rows.append([point, "Mill Street", begins, ends, 5 + day.day % 4, 22])
    rows += [["A1", "Mill Street", "2025-04-02 10:00", "2025-04-02 09:00", 5, 22]]  # set aside
    rows += [["A2", "Mill Street", "2025-04-03 10:00", "2025-04-03 11:00", -5, 22]]  # too
    planted = pd.DataFrame([[*row, *MARKERS.values()] for row in rows], columns=head)
    planted.to_csv(folder / "sessions.csv", index=False)
    planted.assign(End="soon").to_csv(folder / "refused.csv", index=False)
    (folder / "cdrs.json").write_text(json.dumps([cdr(n) for n in range(1, 25)]))

    said = []

    def scc(*arguments):
        answer = CliRunner().invoke(app, [str(a) for a in arguments])
        said.append(f"{answer.output}{answer.exception or ''}")
        return answer

    portfolio, reports = folder / "portfolio", folder / "reports"
    assert scc("import", "sessions", folder / "refused.csv", "--into", portfolio).exit_code
    for given in (["--dry-run"], ["--json"]):
        for file, clock in (("sessions.csv", ["-o", "timezone=Europe/London"]), ("cdrs.json", [])):
            asked = ["import", "sessions", folder / file, "--into", portfolio, *clock, *given]
            assert scc(*asked).exit_code == 0, said[-1]
    assert scc("check", portfolio).exit_code == 0, said[-1]
    ran = scc("run", portfolio, "--notebook", "01", "-p", "samples=20", "--out", reports)
    assert ran.exit_code == 0, said[-1]
    scc("status", reports, "--json")
    return folder, "\n".join(said)


def test_nothing_is_printed(made):
    assert not [word for word in WORDS if word in made[1]]


def test_nothing_is_written(made):
    folder, _ = made
    written = [p for p in folder.rglob("*") if p.is_file() and p.parent != folder]
    assert {p.suffix for p in written} >= {".parquet", ".csv", ".ipynb", ".html", ".jsonl"}
    hidden = [word.encode() for word in WORDS]
    hidden += [base64.b64encode(word)[:-4] for word in hidden]
    texts = {}
    for path in written:
        texts[path] = path.read_bytes()
        if path.suffix == ".parquet":  # compressed: look at what it says
            table = pq.read_table(path)
            texts[path] = f"{table.schema.metadata}{table.to_pandas().to_csv()}".encode()
    assert sum(b"Mill Street" in text for text in texts.values()) > 4  # names of sites may be told
    for path, text in texts.items():
        assert not [word for word in hidden if word in text], path.relative_to(folder)
