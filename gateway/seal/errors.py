"""The one error of sealing."""


class SealingError(Exception):
    """A value cannot be sealed; the message says what to do and never names the value."""
