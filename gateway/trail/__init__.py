"""The officers' search over the ledger: what it finds by, the index beside the log, searches, hours and saved views."""
