"""The trust file: strict, and its ranges are sizes."""

import pytest

from audit.errors import NoteError
from audit.trust import Trust, TrustedKey, parse_trust
from tests.audit.make import LOG_SIGNERS, ORIGIN, RECEIPT_SIGNER, a_trust


@pytest.mark.parametrize("until", [None, 10])
def test_a_trust_file_is_read_as_it_was_written(until: int | None) -> None:
    assert parse_trust(a_trust(until).encode()) == a_trust(until)
    assert parse_trust(a_trust(until).encode() + b"\n") == a_trust(until)


RANGES = {
    "before": (5, 10, 4, False),
    "at its first": (5, 10, 5, True),
    "last": (5, 10, 9, True),
    "at its end": (5, 10, 10, False),
    "open": (5, None, 10**9, True),
}


@pytest.mark.parametrize(("first", "until", "number", "good"), RANGES.values(), ids=RANGES.keys())
def test_a_key_is_good_for_its_range(first: int, until: int | None, number: int, good: bool) -> None:
    trust = Trust(ORIGIN, (TrustedKey(RECEIPT_SIGNER.vkey, "receipt", first, until),))

    assert [each.vkey for each in trust.verifiers("receipt", number)] == [RECEIPT_SIGNER.vkey] * good
    assert trust.verifiers("checkpoint", number) == []


VKEY = LOG_SIGNERS[0].vkey
KEY = f'{{"first":0,"purpose":"checkpoint","until":null,"vkey":"{VKEY}"}}'
REFUSED = {
    "not JSON": "origin",
    "not canonical": f'{{"origin": "o","keys":[{KEY}]}}',
    "a list": "[]",
    "no keys": '{"keys":[],"origin":"o"}',
    "keys that are none": '{"keys":{},"origin":"o"}',
    "no origin": f'{{"keys":[{KEY}]}}',
    "an empty origin": f'{{"keys":[{KEY}],"origin":""}}',
    "an origin that is none": f'{{"keys":[{KEY}],"origin":1}}',
    "an unknown member": f'{{"keys":[{KEY}],"origin":"o","quorum":1}}',
    "a key that is a string": f'{{"keys":["{VKEY}"],"origin":"o"}}',
    "a key with an unknown member": f'{{"keys":[{KEY[:-1]},"x":1}}],"origin":"o"}}',
    "an unknown purpose": f'{{"keys":[{KEY.replace("checkpoint", "anything")}],"origin":"o"}}',
    "a first that is none": f'{{"keys":[{KEY.replace("0,", "null,", 1)}],"origin":"o"}}',
    "a first that is a truth": f'{{"keys":[{KEY.replace("0,", "false,", 1)}],"origin":"o"}}',
    "a first below nought": f'{{"keys":[{KEY.replace("0,", "-1,", 1)}],"origin":"o"}}',
    "an end that is a truth": f'{{"keys":[{KEY.replace("null", "true")}],"origin":"o"}}',
    "an end below nought": f'{{"keys":[{KEY.replace("null", "-1")}],"origin":"o"}}',
    "an end that is none": f'{{"keys":[{KEY.replace("null", "{}".format(chr(34) + "x" + chr(34)))}],"origin":"o"}}',
    "a bad verifier key": f'{{"keys":[{KEY.replace(VKEY, "x+y+z")}],"origin":"o"}}',
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_nearly_a_trust_file_is_refused(content: str) -> None:
    with pytest.raises(NoteError):
        parse_trust(content.encode())
