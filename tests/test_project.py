"""What the project promises: one set of packages, one direction of imports, sound documents."""

import ast
import json
import re
import tomllib

import pytest

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGE = ROOT / "scchelpers"
# Rooms in the order of the house: each may import those before it.
ROOMS = (
    *("faults", "timebase", "site", "portfolio", "importers", "charging", "measures", "years"),
    *("report", "diversity", "tcc", "clm", "baselines", "network", "coincidence", "register"),
    *("compliance", "business", "choice", "places", "standards"),
)
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "data" / "README.md"]


def requirement_name(text: str) -> str:
    return re.match(r"[A-Za-z0-9._-]+", text).group().lower()


def requirements() -> set[str]:
    return {*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]}


def test_conda_and_pip_users_get_the_same_packages():
    lines = (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines()
    listed = {line.strip(" -") for line in lines if line.lstrip().startswith("- ")}
    assert listed - {"conda-forge", "python>=3.11", "make", "pip", "pip:", "e ."} == requirements()


def test_constraints_pin_every_requirement_and_name_no_host():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pins = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[^\s/]+", pin) for pin in pins)
    pinned = {requirement_name(pin).replace("_", "-") for pin in pins}
    extra = PROJECT["optional-dependencies"]
    asked = [*requirements(), *extra["docs"], *extra["supply"]]
    assert {requirement_name(r).replace("_", "-") for r in asked} <= pinned


def test_every_pin_has_fingerprints_of_its_files():
    pins, hashed = (
        {
            re.sub("[_.]", "-", name).lower(): version
            for name, version in re.findall(r"^([\w.-]+)==(\S+)", (ROOT / file).read_text(), re.M)
        }
        for file in ("constraints.txt", "constraints-hashes.txt")
    )
    assert pins.items() <= hashed.items(), "run `make hashes`"
    assert "://" not in (ROOT / "constraints-hashes.txt").read_text()


def imports_of(path) -> set[str]:
    """Return the rooms of the package that a file imports."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "scchelpers":
                rooms |= {alias.name for alias in node.names}
            elif node.module.startswith("scchelpers."):
                rooms.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            rooms |= {parts[1] for parts in names if parts[0] == "scchelpers" and len(parts) > 1}
    return rooms


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_imports_run_one_way(path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room in ("cli", "__init__"):
        return
    if room == "runner":
        allowed = {"faults", "timebase", "site", "portfolio", "report", "runner", "__version__"}
    else:
        allowed = set(ROOMS[: ROOMS.index(room) + 1])
    assert imports_of(path) <= allowed


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_documents_hold(path):
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_readme_reaches_every_document():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in ROOT.glob("docs/*.md"):
        assert f"docs/{path.name}" in readme
    for path in ROOT.glob("notebooks/*.ipynb"):
        assert f"notebooks/{path.name}" in readme


def test_notebooks_are_committed_without_outputs():
    for path in ROOT.glob("notebooks/*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            assert not cell.get("outputs") and cell.get("execution_count") is None
