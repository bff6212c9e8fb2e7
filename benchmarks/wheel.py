"""The wheel, tried as somebody who has nothing else: a clean environment, `scc init`, one report.

Run `python benchmarks/wheel.py FOLDER` with the Python to be tried; wheel and sdist stay in FOLDER.
It needs a package index, takes about two minutes, and nothing of the checkout is used but to build.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
SITE, NOTEBOOK = "elm-road-lamps", "02_tcc_windows"


def main() -> None:
    """Build, install, lay out, run one report, and say what is missing."""
    dist = Path(sys.argv[1]).resolve()
    # What would lead back to the checkout or to another environment is not there.
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "SCC_NOTEBOOKS")}
    with tempfile.TemporaryDirectory() as place:

        def call(*command) -> str:
            done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
            return done.stdout

        venv.create(f"{place}/venv", with_pip=True)
        scripts = Path(place, "venv", "bin")
        pip = (scripts / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        call(*pip, "build")
        shutil.rmtree(dist, ignore_errors=True)
        call(scripts / "python", "-m", "build", "--outdir", dist, ROOT)
        (wheel,) = dist.glob("*.whl")
        call(*pip, "-c", ROOT / "constraints.txt", f"{wheel}[explore]")
        call(scripts / "scc", "init", "work")
        work = Path(place, "work")
        run = (scripts / "scc", "run", "data/demo", "--site", SITE, "--notebook", NOTEBOOK)
        place = work
        print(call(*run).strip())
        page = work / "reports" / "demo" / SITE / f"{NOTEBOOK}.html"
        size = ", ".join(
            f"{p.name} {p.stat().st_size / 1e6:.1f} MB" for p in sorted(dist.iterdir())
        )
        print(f"Python {sys.version.split()[0]}: {size}; {page.name} {page.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
