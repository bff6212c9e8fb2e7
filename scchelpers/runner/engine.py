"""The engine that papermill runs a notebook with: its own, but saving once, not twice a cell."""

from __future__ import annotations

from papermill.engines import NBClientEngine, papermill_engines

NAME = "scc"


class SavedOnceEngine(NBClientEngine):
    """Saves the notebook when it ended, however it ended."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **options):
        """Execute a notebook as papermill does."""
        place, nb_man.output_path = nb_man.output_path, None
        try:
            return super().execute_managed_notebook(nb_man, kernel_name, **options)
        finally:
            nb_man.output_path = place  # papermill saves it there next


papermill_engines.register(NAME, SavedOnceEngine)
