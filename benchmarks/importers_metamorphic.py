"""One truth printed in thousands of ways: how many files are read right, asked about, read wrong.

Run as `python -m benchmarks.importers_metamorphic FIRST LAST` from the checkout; a seed makes one
file of sessions and one of a load. A wrong one is printed with its seed; of the others, what they
were asked. Totals are printed every 250 seeds.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.test_importers_metamorphic import loads_outcome, sessions_outcome


def main(first: int, last: int) -> None:
    """Count the outcomes of the seeds from `first` up to `last`."""
    counts, questions = Counter(), Counter()
    for seed in range(first, last):
        for outcome in (sessions_outcome, loads_outcome):
            kind = outcome.__name__.removesuffix("_outcome")
            with tempfile.TemporaryDirectory() as folder:
                fate, _, rest = outcome(Path(folder), seed).partition(": ")
            counts[kind, fate] += 1
            if fate == "wrong":
                print(kind, seed, rest, flush=True)
            elif rest:
                questions[kind, fate, rest] += 1
        if (seed + 1 - first) % 250 == 0 or seed + 1 == last:
            print(seed + 1 - first, {" ".join(k): n for k, n in sorted(counts.items())}, flush=True)
    for key, n in questions.most_common():
        print(n, *key)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
