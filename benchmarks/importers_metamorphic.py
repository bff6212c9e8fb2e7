"""One truth printed in thousands of ways: how many files are read right, asked about, read wrong.

Run as `python -m benchmarks.importers_metamorphic FIRST LAST` from the checkout; a seed makes one
file of sessions and one of a load. A wrong one is printed with its seed; of the others, what they
were asked.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.test_importers_metamorphic import loads_outcome, sessions_outcome


def main(first: int, last: int) -> None:
    """Count the outcomes of the seeds from `first` up to `last`."""
    for outcome in (sessions_outcome, loads_outcome):
        counts, questions = Counter(), Counter()
        for seed in range(first, last):
            with tempfile.TemporaryDirectory() as folder:
                found = outcome(Path(folder), seed)
            fate, _, rest = found.partition(": ")
            counts[fate] += 1
            if fate == "wrong":
                print(outcome.__name__, seed, found, flush=True)
            else:
                questions[rest] += 1
        print(outcome.__name__, dict(counts), dict(questions.most_common()), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
