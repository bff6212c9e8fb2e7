"""JupyterLab in a real browser, as an analyst uses it: `make browser`.

It works on a copy of the checkout's notebooks and demo; screenshots go to `build/browser`.
"""

import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from scchelpers.runner import notebooks
from tests.conftest import ROOT

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
if shutil.which("git") is None or not (ROOT / ".git").exists():
    pytest.skip("not a git checkout", allow_module_level=True)

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NOTEBOOKS = [path.stem for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
SHOTS = ROOT / "build" / "browser"
OWN = "sns.lineplot(site.half_hours(), x='half_hour', y='load_kva').set_title('my own figure')"
LONGEST_MS = 180_000  # of a notebook on a machine that does much else
# Cells out of sight would not be in the page, and nobody could tell that they have run.
SETTINGS = {
    "notebook-extension/tracker": '{"windowingMode": "none", "autosave": false}',
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
}
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
HAVE_RUN = f"""() => {{
    const cells = [...document.querySelectorAll('{PANEL} .jp-CodeCell')];
    const bare = c => !c.querySelector('.cm-content').textContent.trim();
    return cells.length && cells.every(
        c => bare(c) || /\\[\\d+\\]/.test(c.querySelector('.jp-InputPrompt').textContent));
}}"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Return a checkout with the notebooks and the demo as they are now, all of it committed."""
    place = tmp_path_factory.mktemp("desk")
    shutil.copytree(ROOT / "data/demo", place / "data/demo")
    (place / "notebooks").mkdir()
    for stem in NOTEBOOKS:
        if not notebooks._UNNAMED.search(stem):
            shutil.copy(ROOT / f"notebooks/{stem}.ipynb", place / "notebooks")
    for name in (".gitattributes", ".gitignore", "Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, place)
    strip = Path(sys.executable).with_name("nbstripout")
    git(place, "init", "--quiet")
    subprocess.run(["make", "filter", f"STRIP={strip}"], cwd=place, check=True, capture_output=True)
    git(place, "add", ".")
    who = ("-c", "user.name=a", "-c", "user.email=a@localhost")
    git(place, *who, "commit", "--quiet", "--message", "as it is")
    return place


def git(place, *words):
    command = ["git", *words]
    return subprocess.run(command, cwd=place, check=True, capture_output=True, text=True).stdout


def scc(place, *words):
    command = [sys.executable, "-m", "scchelpers.cli", *words]
    return subprocess.run(command, cwd=place, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def address(desk, tmp_path_factory):
    """Serve the checkout as `make lab` does, and return the address with its token."""
    own = tmp_path_factory.mktemp("settings")
    for name, text in SETTINGS.items():
        file = own / f"@jupyterlab/{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(text)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    lab = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    plan = subprocess.run(["make", "-n", "lab"], cwd=desk, capture_output=True, text=True).stdout
    asked = shlex.split(plan.splitlines()[-1])[2:]  # what `make lab` says to `jupyter lab`
    env = {
        **os.environ,
        "JUPYTER_TOKEN": token,
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(own),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
    }
    with (own / "log").open("w") as log:
        server = subprocess.Popen(
            [*lab, f"--port={port}", *asked],
            cwd=desk, env=env, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            for _ in range(240):
                with suppress(OSError):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={token}").close()
                    break
                assert server.poll() is None, (own / "log").read_text()
                time.sleep(0.5)
            yield f"http://127.0.0.1:{port}", token
        finally:
            server.terminate()
            server.wait(60)


@pytest.fixture
def page(address):
    with playwright.sync_playwright() as play:
        try:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        except playwright.Error as fault:
            pytest.skip(f"no Chromium here: apt-get install chromium ({fault.message[:60]})")
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(60_000)
        page.goto("{}/lab?token={}".format(*address))
        page.wait_for_selector("#jp-MainLogo")
        yield page
        browser.close()


def open_notebook(page, address, stem):
    """Open a notebook and wait until its kernel is there."""
    page.goto(f"{address[0]}/lab/tree/notebooks/{stem}.ipynb?reset")
    page.wait_for_selector(f"{PANEL} .jp-CodeCell", timeout=LONGEST_MS)
    page.wait_for_selector("text=Python 3 (ipykernel) | Idle", timeout=LONGEST_MS)


def run_all(page):
    """Run all cells through the menu and wait until none is waiting."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).first.click()
    page.wait_for_function(HAVE_RUN, timeout=LONGEST_MS)
    page.wait_for_selector("text=Python 3 (ipykernel) | Idle", timeout=LONGEST_MS)


def save(page, desk, stem):
    """Save by keyboard, and wait until the file has the outputs."""
    before = (desk / f"notebooks/{stem}.ipynb").stat().st_mtime_ns
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    for _ in range(120):
        if (desk / f"notebooks/{stem}.ipynb").stat().st_mtime_ns != before:
            return
        page.wait_for_timeout(250)
    pytest.fail(f"{stem} was not saved")


def shoot(page, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


@pytest.mark.parametrize("stem", NOTEBOOKS)
def test_every_notebook_runs_from_top_to_bottom_and_a_save_leaves_nothing_to_commit(
    page, address, desk, stem
):
    open_notebook(page, address, stem)
    run_all(page)
    wrong = page.locator(f"{PANEL} .jp-RenderedText[data-mime-type*=error]")
    assert not wrong.count(), wrong.first.inner_text()
    pictures = page.locator(f"{PANEL} .jp-OutputArea img, {PANEL} .jp-OutputArea svg")
    assert pictures.count()
    pictures.first.scroll_into_view_if_needed()
    shoot(page, stem)
    save(page, desk, stem)
    text = (desk / f"notebooks/{stem}.ipynb").read_text(encoding="utf-8")
    assert '"execution_count": 1' in text  # the outputs are in the file, only not in a commit
    git(desk, "add", "--update")  # until then git goes by the size of the file alone
    assert git(desk, "status", "--porcelain") == "", git(desk, "diff", "--cached")[:2000]


def test_an_own_plot_appears_and_the_batch_is_not_disturbed(page, address, desk):
    stem = "01_load_diversity"
    listed, planned = scc(desk, "list"), scc(desk, "run", "data/demo", "--dry-run")
    open_notebook(page, address, stem)
    run_all(page)
    page.locator(f"{PANEL} .jp-CodeCell").last.locator(".jp-InputPrompt").click()
    for key in ("Escape", "b", "Enter"):
        page.keyboard.press(key)
    page.keyboard.insert_text(OWN)
    page.keyboard.press("Shift+Enter")
    cell = page.locator(f"{PANEL} .jp-CodeCell", has_text="my own figure")
    cell.locator(".jp-OutputArea img, .jp-OutputArea svg").first.wait_for()
    cell.scroll_into_view_if_needed()
    shoot(page, "own-plot")
    # A new notebook and a copy, made in the file browser beside the others.
    page.keyboard.press("Escape")
    file = page.locator(".jp-DirListing-item", has_text=f"{stem}.ipynb")
    file.click(button="right")
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Duplicate$")).click()
    page.locator(".jp-DirListing-item", has_text=f"{stem}-Copy1.ipynb").wait_for()
    page.get_by_role("menuitem", name="File", exact=True).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^New$")).hover()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Notebook$")).click()
    page.locator(".jp-DirListing-item", has_text="Untitled.ipynb").wait_for()
    made = {path.stem for path in (desk / "notebooks").glob("*.ipynb")} - set(NOTEBOOKS)
    try:
        assert made == {f"{stem}-Copy1", "Untitled"}
        assert scc(desk, "list") == listed
        assert scc(desk, "run", "data/demo", "--dry-run") == planned
    finally:
        for name in made:
            (desk / f"notebooks/{name}.ipynb").unlink()


def test_a_slider_moves_the_figure_and_the_button_writes_the_command(page, address, desk):
    open_notebook(page, address, "explore")
    run_all(page)
    case = page.locator(
        f"{PANEL} .widget-hbox", has=page.locator(".widget-slider"), has_text="go without"
    )
    case.first.wait_for()
    case.first.scroll_into_view_if_needed()
    figure = case.locator(".jp-OutputArea img, .jp-OutputArea svg").first
    before, said = figure.get_attribute("src"), case.first.inner_text()
    cap = case.locator(".widget-slider", has_text=re.compile("^cap")).first
    box = cap.locator(".noUi-base").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.05, box["y"] + box["height"] / 2)
    for _ in range(240):
        now = case.first.inner_text()
        if "go without" in now and now.split("go without")[1] != said.split("go without")[1]:
            break
        page.wait_for_timeout(250)
    shoot(page, "slider")
    assert figure.get_attribute("src") != before
    page.get_by_role("button", name="Write the command").click()
    script = desk / "scratch/run-elm-road-lamps.sh"
    for _ in range(60):
        if script.exists():
            break
        page.wait_for_timeout(250)
    assert re.search(r"-p cap=0\.0\d", script.read_text())
    assert git(desk, "status", "--porcelain", "scratch") == ""
