"""What a password must be."""

from __future__ import annotations

import pytest

from gateway.accounts.password_rules import check_password
from gateway.domain.errors import InvalidQueryError

GOOD = ["correct horse 电池 staple", "十二个汉字也可以作为一个口令", "x7!qT0vLm_2p", "p" * 20 + "qrstu"]
BAD = {
    "empty": "",
    "short": "a1B2c3D4e5F",
    "far too long": "ab1cd" * 30,
    "the account": "my li.ming password",
    "the account in capitals": "LI.MING2026!!",
    "the name": "我是李明我是李明我是李明",
    "common": "Password1234",
    "one character": "aaaaaaaaaaaaaaaa",
    "two characters": "abababababababab",
    "a line feed": "a long pass\nword",
    "a NUL": "a long pass\0word",
}


@pytest.mark.parametrize("password", GOOD)
def test_which_passwords_are_taken(password: str) -> None:
    check_password(password, "li.ming", "李明")


@pytest.mark.parametrize("password", BAD.values(), ids=BAD)
def test_which_are_not_and_never_repeated(password: str) -> None:
    with pytest.raises(InvalidQueryError) as refused:
        check_password(password, "li.ming", "李明")

    assert refused.value.field == "password"
    assert not password or password not in str(refused.value)
