"""What partners and their people agree to: the service agreement of a department, the undertaking of each person."""

from __future__ import annotations

from gateway.deeds.checking import text_of
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.lapse import parameters_in
from gateway.deeds.parameters import LONGEST_TEXT
from gateway.deeds.standing import Standing

MEMBERS = {"partner", "text"}


def check_undertaking(document: Document, standing: Standing) -> None:
    """Whether it is the text in force, under the name of whoever is bound by it. Raises `DeedError`."""
    person = standing.roll.person(document.id)
    if person is None or set(document.content) != MEMBERS or document.content["partner"] != person.partner:
        raise DeedError("保密承诺只写 partner 和 text，并以签署人的账号为编号，请改正")
    if document.content["text"] != parameters_in(standing).undertaking:
        raise DeedError("保密承诺书的文字已有更新，请重新阅读后签署现行文本")


def has_undertaken(standing: Standing, account: str, text: str) -> bool:
    """Whether this account's undertaking of that text is in force."""
    undertaking = standing.content(Kind.UNDERTAKING, account)
    return undertaking is not None and undertaking.get("text") == text


def check_agreement(document: Document, standing: Standing) -> None:
    """Whether it can be offered to a partner. Each serial is a version of the text. Raises `DeedError`."""
    if set(document.content) != MEMBERS or document.content["partner"] != document.id:
        raise DeedError("服务协议只写 partner 和 text，并以合作部门的编码为编号，请改正")
    if len(text_of(document.content, "text")) > LONGEST_TEXT:
        raise DeedError(f"服务协议的 text 不得超过 {LONGEST_TEXT} 字，请精简")
    if standing.content(Kind.PARTNER, document.id) is None:
        raise DeedError(f"没有生效的合作部门 {document.id}，请先登记")
