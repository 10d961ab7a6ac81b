"""The names of the package, and where each is defined."""

from .cards import figure as figure
from .cards import plain as plain
from .cards import publish as publish
from .cards import slider as slider
from .cards import table as table
