"""The suite gm: logs and receipts of SM3 and SM2, verified by the single file in plain Python."""

from io import BytesIO

import pytest

from audit import checkpoint
from audit.checkpoint import Checkpoint
from audit.export import extent_of, write_export
from audit.ledger import Ledger
from audit.sm2 import Sm2Signer, make_key
from audit.standalone.log import verify_log as verify_alone
from audit.standalone.trusting import parse_trust
from audit.standalone.verdicts import PROVEN, TAMPERED
from audit.suite import GM
from audit.tree import StoredTree
from audit.trust import Trust, TrustedKey
from audit.verify import verify_log
from tests.audit.make import AT, ORIGIN, an_answer, an_opening
from tests.audit.standalone.test_log import repacked
from tests.fakes_audit import CountingEntropy, MemoryKeys, MemoryLedger

pytest.importorskip("gmssl_pyx")
SIZE = 300


def test_both_verifiers_say_the_same_of_a_log_of_the_suite_gm() -> None:
    signer, store = Sm2Signer(ORIGIN, make_key()), MemoryLedger()
    ledger = Ledger(node="node-1", keys=MemoryKeys(), entropy=CountingEntropy(), suite=GM)
    ledger.append(store, [an_opening(), *(an_answer() for _ in range(SIZE - 1))], AT)
    root = StoredTree(SIZE, store.hashes, GM.digest).root()
    signed = [checkpoint.sign(Checkpoint(ORIGIN, SIZE, root), [signer], AT)]
    trust = Trust(ORIGIN, (TrustedKey(signer.vkey, "checkpoint"),))
    file = BytesIO()
    extent = extent_of(signed, origin=ORIGIN, suite="gm")
    write_export(file, extent, store, trust=trust.encode(), checkpoints=signed)

    trusted = parse_trust(trust.encode())
    altered = repacked(
        file, lambda m: m.update({"tile/entries/000": m["tile/entries/000"].replace(b"confirmed", b"confirmee", 1)})
    )

    assert trusted.suite == "gm"
    assert verify_log(store, signed, trust, upto=SIZE).verdict == verify_alone(file, trusted).verdict == PROVEN
    assert (verify_alone(altered, trusted).verdict, verify_alone(altered, trusted).first_bad) == (TAMPERED, 1)
