"""Notebooks in, one HTML out. A notebook needs only what is named here; :mod:`emolib.report.build` does the rest."""

from emolib.report.cards import figure, publish, table

__all__ = ["figure", "publish", "table"]
