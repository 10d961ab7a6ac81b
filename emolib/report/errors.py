"""What a build raises when it cannot finish."""


class BuildError(RuntimeError):
    """A report could not be built; the message is one sentence for the person who asked for it."""


class ChapterError(BuildError):
    """A chapter failed; the page that says so stands beside the last good report."""
