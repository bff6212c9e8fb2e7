"""An import that the processes of a run do without; import this before anything else.

`jsonschema`, which checks notebooks, loads a grammar of internationalised addresses where it is
installed. No notebook has such an address, and loading it takes longer than the rest of a worker.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)
