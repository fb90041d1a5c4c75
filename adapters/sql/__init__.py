"""The relational stores: control data, budgets, ledger and the point index."""
