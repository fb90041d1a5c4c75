"""Was it, and can we prove it? The ledger, its tree, its proofs and their verifier."""
