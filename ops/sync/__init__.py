"""`bidui sync`: reads the register, seals it and publishes the index. The only process that ever sees plaintext.

    report = run(load(home, "sync.toml", SyncSettings), home, sync_keys(home.path), load_catalogue())

It holds the source's account, a sealing key and the key that signs manifests, and no way to the gateway's database
except, if so set, to the tables of the sealed index.
"""

from ops.sync.errors import BusyError, SyncError
from ops.sync.report import LoadReport
from ops.sync.running import listen, push, run
from ops.sync.settings import SourceSettings, SyncSettings

__all__ = ["BusyError", "LoadReport", "SourceSettings", "SyncError", "SyncSettings", "listen", "push", "run"]
