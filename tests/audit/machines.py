"""Machines that lack an algorithm: an older `cryptography`, or an OpenSSL that refuses some by its settings."""

from typing import NoReturn

from cryptography.exceptions import UnsupportedAlgorithm


class NoEd25519:
    """Stands where Ed25519 keys are read, on a machine whose OpenSSL has none."""

    @staticmethod
    def from_public_bytes(_: bytes) -> NoReturn:
        """As `cryptography` says it."""
        raise UnsupportedAlgorithm("ed25519 is not supported by this version of OpenSSL.")
