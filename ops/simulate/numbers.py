"""Id numbers by the million: a number is its first 17 digits as an integer, and becomes text when it is asked about."""

from __future__ import annotations

from datetime import date
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

REGIONS = 120
SEQUENCES = 1000
FIRST_BIRTH = date(1944, 1, 1)
BIRTH_DAYS = 21_915
"""Sixty years: with the regions 2.63 million cells, each of a thousand numbers."""
_PLACES = np.array([1598 if n < 60 else 1599 for n in range(REGIONS)]) * 100 + np.arange(REGIONS) % 60 + 1
"""Places that were never given out, so that no card bears such a number."""
_WEIGHTS = np.array((7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
_CHECKS = np.frombuffer(b"10X98765432", dtype=np.uint8)
_POWERS = 10 ** np.arange(16, -1, -1, dtype=np.int64)
_DAYS = np.array(
    [
        int(day.astype(object).strftime("%Y%m%d"))
        for day in np.datetime64(FIRST_BIRTH) + np.arange(BIRTH_DAYS).astype("timedelta64[D]")
    ],
    dtype=np.int64,
)


def keys_of(regions: Ints, days: Ints, sequences: Ints) -> Ints:
    """The first 17 digits of these numbers."""
    return (_PLACES[regions] * 100_000_000 + _DAYS[days]) * SEQUENCES + sequences


def cells_of(keys: Ints) -> Ints:
    """Region and birth day of each number, as one integer: all digits but the last three."""
    return keys // SEQUENCES


def texts_of(keys: Ints) -> list[str]:
    """The whole numbers of 18 characters, with their check characters (ISO 7064 MOD 11-2)."""
    digits = keys[:, None] // _POWERS % 10
    checks = _CHECKS[digits @ _WEIGHTS % 11]
    letters = np.concatenate([(digits + ord("0")).astype(np.uint8), checks[:, None]], axis=1)
    text = letters.tobytes().decode("ascii")
    return [text[start : start + 18] for start in range(0, len(text), 18)]
