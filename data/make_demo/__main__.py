"""Build the demo portfolio: `python data/make_demo FOLDER`."""

import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[1]))

import make_demo

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("give the folder to write, as in: python data/make_demo data/demo")
    header = Path(sys.argv[1], "portfolio.toml")
    if header.exists() and 'name = "demo"' not in header.read_text(encoding="utf-8"):
        sys.exit(f"{sys.argv[1]} holds another portfolio; give an empty or new folder")
    make_demo.build(sys.argv[1])
    print(f"Demo portfolio written to {sys.argv[1]}.")
