"""Portfolios: the folder format, its check, the importers and the demo."""
