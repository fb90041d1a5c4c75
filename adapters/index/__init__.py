"""The sealed index at rest: written in parts by sync, read by look-ups and by file jobs. Digests only."""
