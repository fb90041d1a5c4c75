"""A manifest is read only when sync signed it, and only when its parts make sense together."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway import generation
from gateway.generation import CatalogueMark, GenerationError, Kind, Manifest, Part, Pointer, Stored
from gateway.ports import DataVersion

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
AT = datetime(2026, 11, 3, 8, 15, 0, tzinfo=UTC)


def a_part(n: int = 0, kind: generation.PartKind = "base", file: str = "", sha256: str = "0" * 64) -> Part:
    return Part(n, kind, file or f"{kind}-{n:04d}.sqlite", sha256, 3)


UNITS = Stored("units", "d" * 64)


def a_manifest(*parts: Part) -> Manifest:
    return Manifest(
        number=7,
        suite="intl",
        generation="g20261103081500abcd",
        catalogue=CatalogueMark("2026.1", "c" * 64),
        data_time=AT,
        created=AT,
        kinds={"person": Kind(0, ("name", "unit"), 45, 3, 4)},
        parts=parts or (a_part(), a_part(1, "delta"), a_part(2, "delta")),
        units=UNITS,
    )


def test_a_manifest_is_read_as_it_was_written() -> None:
    content = generation.write(a_manifest())

    manifest = generation.read(content, generation.sign(content, KEY), KEY.public_key())

    assert manifest == a_manifest()
    assert generation.version_of(manifest, content) == DataVersion(
        digest=generation.digest(content), generation="g20261103081500abcd", time=AT
    )
    assert [manifest.deltas, len(manifest.stored_as(".sqlite"))] == [2, 3]


def test_a_form_that_a_part_lacks_is_not_offered() -> None:
    manifest = a_manifest(a_part(), a_part(file="base-0000.parquet"), a_part(1, "delta"))

    with pytest.raises(GenerationError, match=r"lacks \.parquet"):
        manifest.stored_as(".parquet")


BROKEN = {
    "no parts": msgspec.structs.replace(a_manifest(), parts=()),
    "out of order": a_manifest(a_part(), a_part(2, "delta"), a_part(1, "delta")),
    "no base": a_manifest(a_part(0, "delta")),
    "two bases": a_manifest(a_part(), a_part(1, "base")),
    "a file twice": a_manifest(a_part(), a_part()),
    "a way out of the directory": a_manifest(a_part(file="../../etc/passwd")),
    "a digest that is none": a_manifest(a_part(sha256="0" * 63)),
    "a naive time": msgspec.structs.replace(a_manifest(), created=datetime(2026, 11, 3)),  # noqa: DTZ001 - the point
    "a foreign name": msgspec.structs.replace(a_manifest(), generation="../elsewhere"),
    "a way out for the units": msgspec.structs.replace(a_manifest(), units=Stored("../units", "0" * 64)),
    "units without a digest": msgspec.structs.replace(a_manifest(), units=Stored("units", "")),
    "units in a part's name": msgspec.structs.replace(a_manifest(), units=Stored("base-0000.sqlite", "0" * 64)),
    "no kinds": msgspec.structs.replace(a_manifest(), kinds={}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_manifest_that_makes_no_sense_is_never_written(case: str) -> None:
    with pytest.raises(GenerationError):
        generation.write(BROKEN[case])


SIGNED_BUT_WRONG = {
    "an unknown member": (b'"v":3', b'"v":3,"w":1', "another version"),
    "an older version": (b'"v":3', b'"v":2', "another version of bidui; run `bidui sync --full`"),
    "a newer version": (b'"v":3', b'"v":4', "another version"),
    "not canonical": (b'"v":3', b'"v": 3', "another version"),
    "out of order": (b'"n":1', b'"n":9', "oldest first"),
}


@pytest.mark.parametrize("case", SIGNED_BUT_WRONG)
def test_a_signature_does_not_make_a_wrong_manifest_right(case: str) -> None:
    old, new, says = SIGNED_BUT_WRONG[case]
    content = generation.write(a_manifest()).replace(old, new, 1)

    with pytest.raises(GenerationError, match=says):
        generation.read(content, generation.sign(content, KEY), KEY.public_key())


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_bit_of_a_signed_manifest_can_be_changed(place: int, bit: int) -> None:
    content = generation.write(a_manifest())
    signature = generation.sign(content, KEY)
    altered = bytearray(content)
    altered[place % len(content)] ^= 1 << bit

    with pytest.raises(GenerationError, match="not signed"):
        generation.read(bytes(altered), signature, KEY.public_key())


def test_a_signature_for_another_purpose_is_none() -> None:
    content = generation.write(a_manifest())

    with pytest.raises(GenerationError, match="not signed"):
        generation.read(content, KEY.sign(content), KEY.public_key())


def test_the_pointer_is_read_as_it_was_written() -> None:
    pointer = Pointer("g20261103081500abcd", 7, "a" * 64)

    assert Pointer.read(pointer.write()) == pointer


WRONG_POINTERS = {
    "empty": b"",
    "a path": Pointer("../up", 7, "a" * 64).write(),
    "no digest": Pointer("g1", 7, "a").write(),
    "a negative number": Pointer("g1", -1, "a" * 64).write(),
    "half written": Pointer("g1", 1, "a" * 64).write()[:20],
}


@pytest.mark.parametrize("case", WRONG_POINTERS)
def test_a_wrong_pointer_points_nowhere(case: str) -> None:
    with pytest.raises(GenerationError, match="sync --full"):
        Pointer.read(WRONG_POINTERS[case])


def test_names_of_generations_sort_by_time() -> None:
    later = datetime(2026, 11, 3, 8, 15, 1, tzinfo=UTC)

    assert generation.name_generation(AT, b"\xff\xff") < generation.name_generation(later, b"\x00\x00")


def test_the_files_of_a_manifest_are_known_without_its_key() -> None:
    named = {part.file for part in a_manifest().parts}
    alone = msgspec.structs.replace(a_manifest(), units=None)

    assert generation.files_of(generation.write(a_manifest())) == {*named, "units"}
    assert generation.files_of(generation.write(alone)) == named
