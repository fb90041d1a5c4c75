"""Machines on which the single file runs."""

import sys

import pytest

from tests.audit.machines import NoEd25519


@pytest.fixture
def without_ed25519(monkeypatch: pytest.MonkeyPatch) -> None:
    """An OpenSSL that knows no Ed25519."""
    monkeypatch.setattr("audit.standalone.notes.Ed25519PublicKey", NoEd25519)
    monkeypatch.setattr("audit.standalone.people.Ed25519PublicKey", NoEd25519)


@pytest.fixture
def without_ml_dsa(monkeypatch: pytest.MonkeyPatch) -> None:
    """A `cryptography` that is older than ML-DSA."""
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.mldsa", None)
