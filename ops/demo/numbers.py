"""Id numbers of made-up people: valid, never given twice, and never those of a real person.

The places 1598.. and 1599.. were never given out, so no card bears such a number. Only the few numbers of the 81, 82
and 83 series carry real places; they take sequence numbers from 990 up.
"""

from datetime import date
from random import Random

from policies.identifiers import id_check_character

ELSEWHERE = tuple(f"1598{number:02}" for number in range(1, 21))
RESIDENT_PERMITS = ("810000", "820000", "830000")


class Numbers:
    """Gives out id numbers and remembers which are taken."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._taken: set[int] = set()

    def draw(self, place: str, birth: date, *, male: bool) -> str:
        """Return a free number for this place and day; its 17th digit is odd for men."""
        return self._first_free(place, birth, self._rng.randrange(1, 980), male=male)

    def beside(self, id_number: str, *, male: bool) -> str:
        """Return the next free number after one given out: a twin, entered in the same minute."""
        birth = date(int(id_number[6:10]), int(id_number[10:12]), int(id_number[12:14]))
        return self._first_free(id_number[:6], birth, int(id_number[14:17]) + 1, male=male)

    def permit(self, birth: date, *, male: bool) -> str:
        """Return a number of a resident's permit (港澳台居民居住证)."""
        return self._first_free(self._rng.choice(RESIDENT_PERMITS), birth, self._rng.randrange(990, 999), male=male)

    def _first_free(self, place: str, birth: date, start: int, *, male: bool) -> str:
        day = int(place) * 100_000 + birth.toordinal() % 100_000
        for sequence in range(start + (start % 2 != male), start + 1000, 2):
            key = day * 1000 + sequence % 1000
            if key not in self._taken:
                self._taken.add(key)
                return with_check(f"{place}{birth:%Y%m%d}{sequence % 1000:03}")
        raise ValueError("more than 500 people of one sex were born at one place on one day: ask for fewer persons")


def with_check(first17: str) -> str:
    """The whole number of 18 characters."""
    return first17 + id_check_character(first17)


def as_old(id_number: str) -> str:
    """The number as cards before 1999 had it: 15 digits. Only for people born in the 1900s."""
    return id_number[:6] + id_number[8:17]


def with_wrong_check(id_number: str) -> str:
    """The number with another last character, as after a slip of the hand."""
    return id_number[:17] + ("1" if id_number[17] != "1" else "2")
