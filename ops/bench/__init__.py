"""Measurements, compared as ratios within one run."""
