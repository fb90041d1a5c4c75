"""The outside: stores, sources, identity, keys and the client, each keeping a port's promise."""
