"""The watch looks once more at what the ledger recorded: to show that it would do the same, or what others would do."""
