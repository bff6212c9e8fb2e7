"""The runner: every site of a portfolio through every notebook, and the pages made of that.

`jsonschema`, which checks notebooks, loads a grammar of internationalised addresses where it is
installed. No notebook has such an address, and loading it takes longer than the rest of a worker:
the processes of a run do without it.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)
