"""Moved to :mod:`emolib.report.parameters`; here until every import has followed."""

from emolib.report.parameters import BOUNDS as BOUNDS
from emolib.report.parameters import PROFILES as PROFILES
