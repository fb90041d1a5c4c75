"""What we write is accepted by two implementations that are not ours: `tlog-scales` and `proofbundle`."""

from pathlib import Path
from zipfile import ZipFile

import pytest
from proofbundle.checkpoint import verify_checkpoint, verify_cosignature
from proofbundle.tlogproof import verify_tlog_proof
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey, VkeySet
from tlog_scales.tiles import leaf_hash
from tlog_scales.tlog import Checkpoint

from audit.bundle import entry_members
from audit.tree import StoredTree
from tests.audit.make import LOG_SIGNERS, ORIGIN, a_checkpoint_of, a_log
from tests.audit.standalone.test_log import exported

SIZE = 700
LOG = a_log(SIZE)
CHECKPOINT = a_checkpoint_of(LOG)
ED25519, ML_DSA_44 = LOG_SIGNERS[0].vkey, LOG_SIGNERS[1].vkey
INDICES = (0, 1, 255, 256, 511, 512, 698, 699)


def unpacked(folder: Path) -> TilesReader:
    """An export, unpacked and served as a tile log."""
    with ZipFile(exported(LOG, [a_checkpoint_of(LOG, 300), CHECKPOINT])) as archive:
        archive.extractall(folder)
    (folder / "checkpoint").write_bytes(CHECKPOINT)
    return TilesReader(LocalBackend(folder))


def test_tlog_scales_verifies_both_signatures_of_a_checkpoint() -> None:
    theirs = Checkpoint.from_text(CHECKPOINT.decode())
    keys = VkeySet(Vkey.from_string(ED25519), Vkey.from_string(ML_DSA_44))

    assert {key.sig_type for key, _ in keys.verify(theirs.signatures, theirs)} == {1, 6}


def test_tlog_scales_reads_an_export_as_a_tile_log(tmp_path: Path) -> None:
    reader = unpacked(tmp_path)
    checkpoint = reader.get_checkpoint()

    assert reader.calculate_root_hash() == checkpoint.root_hash
    for index in INDICES:
        entry = reader.get_entry(index)
        assert entry == next(iter(LOG.entries(index, index + 1)))
        reader.get_inclusion_proof(index, SIZE).check(leaf_hash(entry), checkpoint.root_hash)
    reader.get_consistency_proof(300, SIZE).check(StoredTree(300, LOG.hashes).root(), checkpoint.root_hash)


@pytest.mark.parametrize("index", INDICES)
def test_proofbundle_accepts_the_proofs_of_a_bundle(index: int) -> None:
    entry = next(iter(LOG.entries(index, index + 1)))
    members = entry_members({index: entry}, StoredTree(SIZE, LOG.hashes), CHECKPOINT)
    proof = members[f"entries/{index:016d}.tlog-proof"].decode()

    found = verify_tlog_proof(proof, entry, ED25519, expected_origin=ORIGIN)

    assert found["ok"], found
    assert not verify_tlog_proof(proof, entry + b" ", ED25519, expected_origin=ORIGIN)["ok"]


def test_proofbundle_verifies_a_checkpoint_and_its_cosignature_of_ml_dsa_44() -> None:
    signed = CHECKPOINT.decode()

    assert verify_checkpoint(signed, ED25519)["ok"]
    assert verify_cosignature(signed, ML_DSA_44)["ok"]
    assert not verify_cosignature(signed.replace(f"\n{SIZE}\n", f"\n{SIZE - 1}\n"), ML_DSA_44)["ok"]
