"""The errors of a sync.

* SyncError       it cannot go on; nothing was changed
  - BusyError     another sync is running; try again
"""


class SyncError(Exception):
    """A sync cannot go on. Nothing was changed: the index that served before still serves."""


class BusyError(SyncError):
    """Another sync is running; wait for it to end."""
