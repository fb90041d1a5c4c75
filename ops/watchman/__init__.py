"""The watchman: signs, tries the database, looks at disk and clock, and seals the ledger where it must."""

from ops.watchman.disk import Disk
from ops.watchman.watchman import Watched, Watchman

__all__ = ["Disk", "Watched", "Watchman"]
