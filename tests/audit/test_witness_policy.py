"""Witness policies: read strictly, and the quorum is there or it is not."""

from datetime import datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import checkpoint
from audit.checkpoint import Checkpoint
from audit.cosignature import add, cosign
from audit.errors import NoteError, UnsignedError, WitnessError
from audit.note import Algorithm, make_vkey, parse_vkey
from audit.witness_policy import judge, parse_policy
from tests.audit.make import AT, LOG_SIGNERS, ORIGIN, an_ed25519_signer, an_ml_dsa_signer
from tests.audit.witnesses import a_cosigner

NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
SIGNERS = {name: a_cosigner(f"witness.example/{name}") for name in NAMES}
VKEYS = {name: signer.vkey for name, signer in SIGNERS.items()}
LOG = LOG_SIGNERS[0].vkey
WITNESSES = "".join(f"witness {name} {VKEYS[name]}\n" for name in NAMES)
# The example of the C2SP specification, with keys put in.
EXAMPLE = f"""log {LOG}

witness X1 {VKEYS["X1"]}
witness X2 {VKEYS["X2"]}
witness X3 {VKEYS["X3"]}
group X-witnesses 2 X1 X2 X3

witness Y1 {VKEYS["Y1"]}
witness Y2 {VKEYS["Y2"]}
witness Y3 {VKEYS["Y3"]}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""
POLICY = parse_policy(EXAMPLE.encode())


def test_the_published_example_is_read() -> None:
    assert [each.vkey for each in POLICY.logs] == [LOG]
    assert [each.name for each in POLICY.witnesses] == list(NAMES)
    assert [(each.name, each.least) for each in POLICY.groups] == [
        ("X-witnesses", 2),
        ("Y-witnesses", 1),
        ("X-and-Y", 2),
    ]
    assert POLICY.quorum == "X-and-Y"


QUORUMS = {
    "nobody": ("", False),
    "all": ("X1 X2 X3 Y1 Y2 Y3", True),
    "two and one": ("X1 X3 Y2", True),
    "one and three": ("X1 Y1 Y2 Y3", False),
    "three and none": ("X1 X2 X3", False),
    "a name that is a group's": ("X-and-Y", False),
    "the name none": ("none", False),
    "names of nobody": ("A B C", False),
}


@pytest.mark.parametrize(("names", "met"), QUORUMS.values(), ids=QUORUMS.keys())
def test_the_quorum_is_there_or_it_is_not(names: str, met: bool) -> None:
    assert POLICY.is_met(names.split()) is met


@given(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
def test_more_witnesses_never_take_a_quorum_away(some: set[str], more: set[str]) -> None:
    assert POLICY.is_met(some) <= POLICY.is_met(some | more)


def a_policy(rest: str) -> bytes:
    return (WITNESSES + rest).encode()


GOOD = {
    "one witness": (a_policy("quorum X2\n"), "X2", True),
    "not that one": (a_policy("quorum X2\n"), "X1", False),
    "none": (b"quorum none\n", "", True),
    "white space and comments": (a_policy("\t # 见证  \n \t \n  quorum\t X2 \t\n"), "X2", True),
    "a group of one": (a_policy("group g 1 X1\nquorum g\n"), "X1", True),
    "a name of any bytes": (a_policy("") + b"group \xff\xfe any X1\nquorum \xff\xfe\n", "X1", True),
    "another spelling is another name": (a_policy("group K any X1\ngroup \u212a any X2\nquorum \u212a\n"), "X1", False),
    "a witness after the quorum": (
        f"witness X1 {VKEYS['X1']}\nquorum X1\nwitness X2 {VKEYS['X2']} https://x2.example/\n".encode(),
        "X1",
        True,
    ),
    "a log and a witness with one key": (f"log {LOG}\n".encode() + a_policy("quorum X1\n"), "X1", True),
}


@pytest.mark.parametrize(("content", "names", "met"), GOOD.values(), ids=GOOD.keys())
def test_what_the_specification_allows_is_read(content: bytes, names: str, met: bool) -> None:
    assert parse_policy(content).is_met(names.split()) is met


def test_addresses_are_kept() -> None:
    (member,) = parse_policy(f"witness X1 {VKEYS['X1']} https://x1.example/w\nquorum X1\n".encode()).witnesses

    assert member.url == "https://x1.example/w"


SAME_KEY = str(make_vkey("other.name", Algorithm.ED25519_COSIGNATURE, parse_vkey(VKEYS["X1"]).public))
BAD = {
    "nothing": b"",
    "no quorum": a_policy(""),
    "two quorums": a_policy("quorum X1\nquorum X1\n"),
    "a quorum before its name": f"quorum X1\nwitness X1 {VKEYS['X1']}\n".encode(),
    "a quorum of nothing": a_policy("quorum\n"),
    "a quorum of two": a_policy("quorum X1 X2\n"),
    "an unknown quorum": a_policy("quorum Z\n"),
    "an unknown word": a_policy("quorum X1\ntrust X2\n"),
    "upper case": a_policy("QUORUM X1\n"),
    "a comment behind a line": a_policy("quorum X1 # so\n"),
    "a group without members": a_policy("group g any\nquorum g\n"),
    "a group of none": a_policy("group g any none\nquorum g\n"),
    "a group named none": a_policy("group none any X1\nquorum none\n"),
    "a witness named none": f"witness none {VKEYS['X1']}\nquorum none\n".encode(),
    "a group in itself": a_policy("group g any g\nquorum g\n"),
    "a member twice": a_policy("group g any X1 X1\nquorum g\n"),
    "a member of two groups": a_policy("group g any X1 X2\ngroup h any X2\nquorum g\n"),
    "a member defined below": a_policy("group g any h\ngroup h any X1\nquorum g\n"),
    "k of 0": a_policy("group g 0 X1\nquorum g\n"),
    "k above n": a_policy("group g 2 X1\nquorum g\n"),
    "k with a zero in front": a_policy("group g 01 X1\nquorum g\n"),
    "k with a sign": a_policy("group g +1 X1\nquorum g\n"),
    "k negative": a_policy("group g -1 X1\nquorum g\n"),
    "k in another script": a_policy("group g １ X1\nquorum g\n"),
    "k of many digits": a_policy(f"group g {'1' * 5000} X1\nquorum g\n"),
    "a name twice": a_policy(f"witness X1 {a_cosigner('other').vkey}\nquorum X1\n"),
    "a group with a witness's name": a_policy("group X1 any X2\nquorum X1\n"),
    "a key twice": a_policy(f"witness Z {VKEYS['X1']}\nquorum Z\n"),
    "a key twice under two names": a_policy(f"witness Z {SAME_KEY}\nquorum Z\n"),
    "a log twice": f"log {LOG}\nlog {LOG} https://log.example/\nquorum none\n".encode(),
    "a log's key as a witness": f"witness X1 {LOG}\nquorum X1\n".encode(),
    "a witness's key as a log": f"log {VKEYS['X1']}\nquorum none\n".encode(),
    "a key with another id": f"witness X1 {VKEYS['X1'].replace('+', '+0', 1)}\nquorum X1\n".encode(),
    "no key": b"witness X1\nquorum X1\n",
    "a key of no UTF-8": b"witness X1 \xff+00000000+BAAA\nquorum X1\n",
    "a word too many": f"witness X1 {VKEYS['X1']} https://x.example/ more\nquorum X1\n".encode(),
    "a log without a key": b"log\nquorum none\n",
    "lines of another system": b"quorum none\r\n",
    "no newline at the end": b"quorum none",
    "a NUL": b"quorum none\n\0\n",
    "a DEL": b"quorum none\n# \x7f\n",
    "a megabyte and more": b"#" * (1 << 20) + b"\nquorum none\n",
    "65 groups": a_policy("".join(f"group g{n} any {f'g{n - 1}' if n else 'X1'}\n" for n in range(65)) + "quorum g1\n"),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_what_is_nearly_a_policy_is_refused(content: bytes) -> None:
    with pytest.raises(WitnessError):
        parse_policy(content)


def test_the_error_names_the_line() -> None:
    with pytest.raises(WitnessError, match="line 2 of the witness policy"):
        parse_policy(f"# ours\nwitness X1 {LOG}\nquorum X1\n".encode())


WORDS = st.sampled_from(
    ["log", "witness", "group", "quorum", "any", "all", "none", "1", "2", "#", "X1", "X2", "g", LOG, VKEYS["X1"], "\n"]
)


@given(st.one_of(st.binary(max_size=200), st.lists(WORDS, max_size=30).map(lambda words: " ".join(words).encode())))
def test_any_bytes_are_a_policy_or_refused_politely(content: bytes) -> None:
    try:
        policy = parse_policy(content + b"\n")
    except WitnessError:
        return
    assert policy.is_met([]) is (policy.quorum == "none")


# ---------------------------------------------------------------------------------------------------- judging


ONE = checkpoint.sign(Checkpoint(ORIGIN, 7, sha256(b"root").digest()), LOG_SIGNERS, AT)
NOW = AT + timedelta(minutes=30)


def cosigned(*names: str, content: bytes = ONE, step: timedelta = timedelta(minutes=1)) -> bytes:
    """Cosigned by these, one a step after the other."""
    for number, name in enumerate(names):
        content = add(content, cosign(content, [SIGNERS[name]], AT + number * step))
    return content


def test_the_quorum_is_there_since_the_last_of_those_it_needs() -> None:
    judged = judge(cosigned("X1", "X2", "Y3"), POLICY, [], NOW)

    assert judged.require().size == 7
    assert set(judged.times) == {"X1", "X2", "Y3"}
    assert judged.since == AT.replace(microsecond=0)


def test_a_second_cosignature_of_some_makes_the_quorum_younger_only_with_all_it_needs() -> None:
    content = cosigned("X1", "X2", "Y3")
    younger = add(content, cosign(content, [SIGNERS["X1"], SIGNERS["X3"]], NOW))

    assert judge(younger, POLICY, [], NOW).since == (AT + timedelta(minutes=2)).replace(microsecond=0)


def test_a_stripped_cosignature_is_missing_evidence() -> None:
    with pytest.raises(UnsignedError, match="only X1, X2 cosigned the checkpoint of 7"):
        judge(cosigned("X1", "X2"), POLICY, [], NOW).require()
    with pytest.raises(UnsignedError, match="only nobody"):
        judge(ONE, POLICY, [], NOW).require()


def test_without_a_quorum_the_signature_of_the_log_counts() -> None:
    none = parse_policy(f"log {LOG}\nquorum none\n".encode())

    assert judge(ONE, none, [], NOW).require().size == 7
    with pytest.raises(UnsignedError):
        judge(checkpoint.sign(Checkpoint(ORIGIN, 7, bytes(32)), [an_ed25519_signer(seed="x")], AT), none, [], NOW)


def test_cosignatures_without_the_log_are_nothing() -> None:
    other = parse_policy((EXAMPLE.replace(LOG, an_ed25519_signer(seed="other").vkey)).encode())

    with pytest.raises(UnsignedError):
        judge(cosigned("X1", "X2", "Y3"), other, [], NOW)


def test_a_log_signs_for_its_own_origin_alone() -> None:
    of_another = checkpoint.sign(Checkpoint("other.example/log", 7, bytes(32)), LOG_SIGNERS, AT)

    with pytest.raises(NoteError, match="a key of another log"):
        judge(of_another, POLICY, [], NOW)


def test_one_wrong_cosignature_spoils_the_note() -> None:
    other = cosign(ONE.replace(b"\n7\n", b"\n8\n"), [SIGNERS["Y3"]], AT)

    with pytest.raises(NoteError, match="does not hold"):
        judge(add(cosigned("X1", "X2", "Y1"), other), POLICY, [], NOW)
    with pytest.raises(NoteError, match="yet to come"):
        judge(cosigned("X1"), POLICY, [], AT - timedelta(minutes=6))


def test_a_witness_may_sign_with_ml_dsa() -> None:
    signer = an_ml_dsa_signer("witness.example/pq", "pq")
    policy = parse_policy(f"log {LOG}\nwitness pq {signer.vkey}\nquorum pq\n".encode())

    judged = judge(add(ONE, cosign(ONE, [signer], AT)), policy, [], NOW)

    assert judged.since == AT.replace(microsecond=0)
    assert isinstance(judged.since, datetime)
