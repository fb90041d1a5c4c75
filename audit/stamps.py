"""Times and ids as entries spell them. What all entries of one second or millisecond share is written once."""

from datetime import UTC, datetime
from functools import lru_cache

ID_ENTROPY = 10
_SECOND = 1_000_000


def microseconds(at: datetime) -> int:
    """Return the microseconds since 1970."""
    return int(at.timestamp()) * _SECOND + at.microsecond


def text(microseconds: int) -> str:
    """Write a time in UTC to the microsecond."""
    seconds, rest = divmod(microseconds, _SECOND)
    return f"{_to_the_second(seconds)}.{rest:06d}Z"


@lru_cache(maxsize=64)
def _to_the_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def uuid7(microseconds: int, entropy: bytes) -> str:
    """Make a UUIDv7 (RFC 9562): milliseconds, then the bits of `ID_ENTROPY` random bytes."""
    random = entropy.hex()
    return f"{_first_half(microseconds // 1000)}{random[2:5]}-{'89ab'[entropy[0] & 3]}{random[5:8]}-{random[8:]}"


@lru_cache(maxsize=64)
def _first_half(milliseconds: int) -> str:
    time = f"{milliseconds:012x}"
    return f"{time[:8]}-{time[8:]}-7"
