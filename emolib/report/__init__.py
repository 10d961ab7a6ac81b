"""Notebooks in, one HTML out. A notebook needs only what is named here; :mod:`emolib.report.build`
does the rest.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
