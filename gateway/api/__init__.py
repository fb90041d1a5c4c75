"""The JSON doors; here, and only here, the product speaks HTTP."""
