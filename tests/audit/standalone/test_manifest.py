"""Manifests of evidence bundles, signed by the log's own key: no claim counts that the members do not show."""

from __future__ import annotations

from base64 import b64encode

import pytest

from audit.entry import JsonValue
from audit.standalone.verdicts import TAMPERED
from tests.audit.bundles import ERASED, EXPORT, PLAIN, export_deed, sealed, verified
from tests.audit.standalone.test_bundles import HONEST, causes

CLAIMS: dict[str, tuple[dict[str, JsonValue], int, str]] = {
    "another type": ({"type": "bidui-evidence/2"}, TAMPERED, "not an evidence bundle"),
    "an unknown suite": ({"suite": "md5"}, TAMPERED, "not an evidence bundle"),
    "the other suite": ({"suite": "gm"}, TAMPERED, "of another log or suite"),
    "another log": ({"origin": "other.example"}, TAMPERED, "of another log or suite"),
    "a member more": ({"more": 1}, TAMPERED, "other members"),
    "members that are a list": ({"members": []}, TAMPERED, "an object was expected"),
    "a digest that is none": ({"members": {"checkpoint": 1}}, TAMPERED, "a text was expected"),
    "a member of an endless number": ({"members": {"entries/" + "9" * 5000: ""}}, TAMPERED, "not in the manifest"),
    "no entries": ({"entries": []}, TAMPERED, "not what the deed allows"),
    "entries that are none": ({"entries": None}, TAMPERED, "rising indices"),
    "entries that are texts": ({"entries": ["1"]}, TAMPERED, "a number that counts"),
    "entries in another order": ({"entries": [ERASED, PLAIN]}, TAMPERED, "rising indices"),
    "an entry twice": ({"entries": [PLAIN, PLAIN]}, TAMPERED, "rising indices"),
    "an entry that is not there": ({"entries": [PLAIN, ERASED, 99]}, TAMPERED, "missing: entries/0000000000000099"),
    "support that is none": ({"support": "all"}, TAMPERED, "rising indices"),
    "names that are none": ({"names": "all"}, TAMPERED, "list of texts"),
    "fewer names": ({"names": ["subject"]}, TAMPERED, "not what the deed allows"),
    "recorded by nothing": ({"recorded": -1}, TAMPERED, "a number that counts"),
    "recorded by a truth": ({"recorded": True}, TAMPERED, "a number that counts"),
    "taken out by nobody": ({"by": {"person": "aud"}}, TAMPERED, "other members"),
    "a deed without an entry": ({"deed": {"id": "E-1", "serial": 1, "sha256": ""}}, TAMPERED, "other members"),
    "a deed of an entry that is none": (
        {"deed": {"entry": "8", "id": "E-1", "serial": 1, "sha256": ""}},
        TAMPERED,
        "a number that counts",
    ),
    "another serial": (
        {"deed": {"entry": EXPORT, "id": "E-1", "serial": 2, "sha256": export_deed().digest}},
        TAMPERED,
        "not the deed of the manifest",
    ),
    "in force by an entry that is not shown": (
        {"deed": {"entry": 2, "id": "E-1", "serial": 1, "sha256": export_deed().digest}},
        TAMPERED,
        "does not have this deed in force",
    ),
    "in force by a comparison": (
        {"deed": {"entry": PLAIN, "id": "E-1", "serial": 1, "sha256": export_deed().digest}},
        TAMPERED,
        "does not have this deed in force",
    ),
    "disclosed of no number": ({"disclosed": {"x": []}}, TAMPERED, "manifest"),
    "disclosed nothing": ({"disclosed": {}}, TAMPERED, "other disclosures"),
    "erased: not a list": ({"erased": {}}, TAMPERED, "a list was expected"),
    "erased: a member less": ({"erased": [{"by": 7, "deed": 6, "entry": 4}]}, TAMPERED, "other members"),
    "erased: numbers as texts": (
        {"erased": [{"by": "7", "deed": 6, "entry": 4, "names": ["subject"]}]},
        TAMPERED,
        "a number that counts",
    ),
    "erased: names that are none": (
        {"erased": [{"by": 7, "deed": 6, "entry": 4, "names": "subject"}]},
        TAMPERED,
        "list of texts",
    ),
    "a chain without an end": ({"chain": {"of": "payroll", "first": 0}}, TAMPERED, "other members"),
    "a chain of nothing": ({"chain": {"of": "payroll", "first": 1, "last": 0}}, TAMPERED, "an empty piece"),
    "a longer chain": ({"chain": {"of": "payroll", "first": 0, "last": 9}}, TAMPERED, "chain cut"),
    "a shorter chain": ({"chain": {"of": "payroll", "first": 0, "last": 2}}, TAMPERED, "place 3 of the chain"),
    "the chain of another partner": ({"chain": {"of": "pension", "first": 0, "last": 3}}, TAMPERED, "place 0"),
    "no chain": ({"chain": None}, TAMPERED, "not what the deed allows"),
    "a checkpoint without a root": ({"checkpoint": {"size": 9}}, TAMPERED, "other members"),
    "a root that is none": ({"checkpoint": {"size": 9, "root": "!"}}, TAMPERED, "not base64"),
    "another root": (
        {"checkpoint": {"size": 9, "root": b64encode(bytes(32)).decode()}},
        TAMPERED,
        "not the one of the manifest",
    ),
    "a last day that is none": ({"until": "for ever"}, TAMPERED, "the day on which it expires is none"),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_a_manifest_claims_nothing_that_the_bundle_does_not_show(case: str) -> None:
    changes, verdict, cause = CLAIMS[case]

    report = verified(HONEST.signed(HONEST.manifest(**changes)))

    assert report.verdict == verdict, report.problems
    assert cause in causes(report)


def test_a_manifest_that_is_no_json_is_wrong() -> None:
    assert verified(sealed(HONEST.members, b"{")).verdict == TAMPERED
    assert verified(HONEST.signed() | {"manifest.note": b"rubbish"}).verdict == TAMPERED
