"""What a password must be: long, and none of the first that anybody would try. No rule about kinds of characters."""

from __future__ import annotations

from gateway.domain.errors import InvalidQueryError

SHORTEST, LONGEST = 12, 128
_FEWEST_DIFFERENT = 5
_COMMON = frozenset(
    """
    123456789012 1234567890ab abcdefghijkl qwertyuiop12 qwertyuiopas 1qaz2wsx3edc zaq12wsxcde3 passw0rdpassw0rd
    passwordpassword password1234 password12345 password123456 adminadminadmin admin1234567 administrator
    administrator1 admin@123456 woaizhongguo woaini1314520 iloveyou1314 5201314520131 welcome12345 letmein12345
    changeme1234 changemechangeme bianbanbianban jigoubianzhi shimingzhi123 biduibiduibidui bidui1234567
    """.split()
)


def check_password(password: str, account: str, name: str) -> None:
    """Raises `InvalidQueryError`, which says what to do and repeats nothing."""
    if not SHORTEST <= len(password) <= LONGEST or not password.isprintable():
        raise InvalidQueryError(f"口令应为 {SHORTEST} 至 {LONGEST} 个可见字符", "password")
    plain = password.casefold()
    if any(part in plain for part in (account.casefold(), name.casefold()) if len(part) > 1):
        raise InvalidQueryError("口令不得包含账号或姓名", "password")
    if plain in _COMMON or len(set(plain)) < _FEWEST_DIFFERENT:
        raise InvalidQueryError("口令过于常见，请另选一个", "password")
