"""Ending PostgreSQL's side of connections, as an administrator or a crash would: of this database alone."""

from __future__ import annotations

from sqlalchemy import text

_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND "
END_OTHERS = text(_END + "pid <> pg_backend_pid()")
END_WORKING = text(_END + "state = 'idle in transaction'")
