"""Who is calling: partner systems, their keys, certificates and tokens."""
