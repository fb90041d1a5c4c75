"""Proofs that take too long for every run: the real processes under load, cut off at random moments (`make prove`)."""
