"""The one error of a sync."""


class SyncError(Exception):
    """A sync cannot go on. Nothing was changed: the index that served before still serves."""
