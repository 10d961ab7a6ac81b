"""The names that a notebook imports: data, models, pruning, training, metrics, figures.

They load when first used, so that a process that trains does not wait for the libraries that draw;
``__init__.pyi`` lists them.
"""

from importlib.metadata import PackageNotFoundError, version

import lazy_loader

try:
    __version__ = version("emolib")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0+unknown"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
