"""The verifier that ships alone: one file, the standard library and `cryptography`, nothing of ours."""
