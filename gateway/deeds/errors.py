"""What is wrong with a deed."""

from __future__ import annotations


class DeedError(Exception):
    """A deed is not what it must be. The text says what to do and names no person by name."""
