"""JupyterLab in a real browser: change the site of a notebook, run all; carry on from a batch run.

Run `python benchmarks/lab.py FOLDER`; screenshots and times go to FOLDER. It works on a copy of a
notebook and the demo portfolio, and needs playwright and Chromium.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
NOTEBOOK, SITE, OTHER = "01_load_diversity", "riverside-leisure", "village-hall"


def free_port() -> int:
    """Return a port on loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_all(page: Page) -> float:
    """Run all cells through the menu; return the seconds until none is waiting."""
    began = time.perf_counter()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).first.click()
    page.wait_for_function(
        """() => {
            const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')];
            return prompts.length && prompts.every(p => /\\[\\d+\\]/.test(p.textContent));
        }""",
        timeout=90_000,
    )
    return time.perf_counter() - began


def open_notebook(page: Page, address: str, path: str) -> None:
    """Open a notebook and wait until its kernel is there."""
    page.goto(f"{address}/lab/tree/{path}?reset")
    page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell", timeout=120_000)
    page.wait_for_selector("text=Python 3 (ipykernel) | Idle", timeout=120_000)


def try_out(place: Path, shots: Path) -> None:
    """Do what an analyst does, and say how long it took."""
    (place / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / f"{NOTEBOOK}.ipynb", place / "notebooks")
    shutil.copytree(ROOT / "data" / "demo", place / "data" / "demo")
    run = (sys.executable, "-m", "scchelpers.cli", "run", "data/demo")
    asked = ("--notebook", NOTEBOOK, "--site", SITE)
    subprocess.run([*run, *asked], cwd=place, check=True, capture_output=True)
    settings = place / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    # Or cells out of sight would not be in the page, and nobody could tell that they have run.
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    port, token = free_port(), secrets.token_hex(16)
    lab = (sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1")
    server = subprocess.Popen(
        [*lab, f"--port={port}", f"--ServerApp.root_dir={place}"],
        env={
            **os.environ,
            "JUPYTER_TOKEN": token,
            "JUPYTER_CONFIG_DIR": str(place / "config"),
            "JUPYTERLAB_SETTINGS_DIR": str(place / "settings"),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api?token={token}").close()
                break
            except OSError:
                time.sleep(0.5)
        with sync_playwright() as play:
            browser = play.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.goto(f"{address}/lab?token={token}")

            open_notebook(page, address, f"notebooks/{NOTEBOOK}.ipynb")
            line = page.locator(f".cm-line:has-text('site_id: str = \"{SITE}\"')").first
            line.click()
            page.keyboard.press("Home")
            page.keyboard.press("Shift+End")
            page.keyboard.type(f'site_id: str = "{OTHER}"  # site of the report')
            page.screenshot(path=shots / "lab-parameters.png")
            first = run_all(page)
            answer = page.locator(".jp-RenderedMarkdown", has_text="Village hall").first
            answer.scroll_into_view_if_needed()
            page.screenshot(path=shots / "lab-site.png")
            print(f"another site, all cells: {first:.1f} s, and again: {run_all(page):.1f} s")

            open_notebook(page, address, f"reports/demo/{SITE}/{NOTEBOOK}.ipynb")
            page.locator(".jp-OutputArea img, .jp-OutputArea svg").first.wait_for()
            page.screenshot(path=shots / "lab-executed.png")
            carried = run_all(page)
            print(f"an executed notebook of the batch, all cells: {carried:.1f} s")
            page.keyboard.press("Escape")
            page.keyboard.press("b")
            page.keyboard.press("Enter")
            page.keyboard.type("f'carried on with {len(site.chargepoints)} chargepoints'")
            page.keyboard.press("Shift+Enter")
            said = page.locator(".jp-OutputArea-output", has_text="carried on with")
            said.wait_for(timeout=30_000)
            said.scroll_into_view_if_needed()
            print(f"a cell added: {said.inner_text()}")
            page.screenshot(path=shots / "lab-carried-on.png")
            wrong = page.locator(".jp-RenderedText[data-mime-type*=error]").count()
            print(f"cells in error: {wrong}")
            browser.close()
    finally:
        server.terminate()
        server.wait(30)


def main() -> None:
    """Try JupyterLab and keep the screenshots."""
    shots = Path(sys.argv[1])
    shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        try_out(Path(place), shots)


if __name__ == "__main__":
    main()
