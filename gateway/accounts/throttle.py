"""How fast somebody may try. Guessing becomes hopeless, and nobody can keep a victim out for long.

An attempt is counted before it is heard, so that many at once are counted too; a good one is given back.

* From one place (a device we know, else an address) an account hears five in a row, then after growing waits.
* From all places that we do not know together it hears twenty, then after growing waits of at most a quarter of an
  hour. Devices and addresses from which the person signed in before are not among them: they keep working.
* One address is heard sixty times, whatever accounts it names.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.accounts.ports import Counter

LONGEST_WAIT = 15 * 60
FORGOTTEN_AFTER = 3600


class Pace(NamedTuple):
    """So many attempts are free; the first wait doubles with each that follows."""

    free: int
    first_wait: int


PLACE = Pace(5, 5)
STRANGERS = Pace(20, 60)
ADDRESS = Pace(60, 5)


def wait(pace: Pace, failures: int) -> int:
    """The seconds that must pass after this many failures in a row."""
    over = failures - pace.free
    return 0 if over <= 0 else min(pace.first_wait << min(over - 1, 20), LONGEST_WAIT)


def charged(pace: Pace, counter: Counter, at: int) -> Counter:
    """One attempt more."""
    before = counter.failures if at - counter.last < FORGOTTEN_AFTER else 0
    return Counter(before + 1, at, at + wait(pace, before + 1))


def given_back(pace: Pace, counter: Counter) -> Counter:
    """One attempt less: it was a good one. A wait that others have earned stays."""
    failures = max(0, counter.failures - 1)
    return Counter(failures, counter.last, counter.until if wait(pace, failures) else 0)


def is_told(failures: int) -> bool:
    """Whether this many failures make a ledger entry: 1, 2, 4, 8 ... so that nobody can flood the ledger."""
    return failures & (failures - 1) == 0
