"""The guard at every door of the office: who is signed in, is it their duty, is the second factor fresh.

A change must come from our own pages or programs: `Origin` is one of ours, `Sec-Fetch-Site` (where a browser sends it)
says so too, and the session's own token (`X-Bidui-Token`) is shown.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from gateway.accounts.errors import StepUpRequiredError, UnauthorisedError, WrongDutyError
from gateway.accounts.sessions import Sessions, is_csrf
from gateway.accounts.values import Opened, SignedIn
from gateway.domain.people import PARTNER_DUTIES, Duty
from gateway.ports import Clock

SESSION_COOKIE, DEVICE_COOKIE = "__Host-bidui", "__Host-bidui-device"
TOKEN_HEADER = "x-bidui-token"  # noqa: S105 - the name of a header
DEVICE_SECONDS = 30 * 24 * 3600
OF_THE_OFFICE = tuple(duty for duty in Duty if duty not in PARTNER_DUTIES)
"""Duties of the 编办 itself."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OUR_SITES = frozenset({"same-origin", "none"})
_LONGEST_COOKIE = 128


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Lets people through. `origins` are those of our pages; programs name one of them, too."""

    sessions: Sessions
    clock: Clock
    origins: frozenset[str]

    async def require(self, request: Request, *duties: Duty, fresh: bool = False) -> SignedIn:
        """Who sends this request, if they have one of these duties; without any named, whoever is signed in.

        Raises `UnauthorisedError`, `WrongDutyError`, `StepUpRequiredError`, each a problem document.
        """
        session_id = cookie(request, SESSION_COOKIE)
        if not session_id:
            raise UnauthorisedError
        now = self.clock.now()
        signed_in = await asyncio.to_thread(self.sessions.find, session_id, now)
        self.check_site(request)
        if request.method not in _SAFE and not is_csrf(signed_in, request.headers.get(TOKEN_HEADER, "")):
            raise WrongDutyError
        return _check_duty(signed_in, duties, now, fresh=fresh)

    def check_site(self, request: Request) -> None:
        """Raises `WrongDutyError` for a change that another site's page sends."""
        if request.method in _SAFE:
            return
        origins, sites = request.headers.getlist("origin"), request.headers.getlist("sec-fetch-site")
        if len(origins) != 1 or origins[0] not in self.origins or not set(sites) <= _OUR_SITES:
            raise WrongDutyError


def cookie(request: Request, name: str) -> str:
    """A cookie of ours, empty when there is none; one that is doubled is nobody's."""
    shown = [each.strip() for header in request.headers.getlist("cookie") for each in header.split(";")]
    values = [value for key, _, value in (each.partition("=") for each in shown) if key == name]
    return values[0] if len(values) == 1 and len(values[0]) <= _LONGEST_COOKIE and values[0].isascii() else ""


def set_cookies(response: Response, opened: Opened) -> Response:
    """Hands a session to whoever opened it, and the word of their device."""
    _set_cookie(response, SESSION_COOKIE, opened.session_id, None)
    if opened.device:
        _set_cookie(response, DEVICE_COOKIE, opened.device, DEVICE_SECONDS)
    return response


def end_cookie(response: Response) -> Response:
    """Takes the session back."""
    _set_cookie(response, SESSION_COOKIE, "", 0)
    return response


def _set_cookie(response: Response, name: str, value: str, max_age: int | None) -> None:
    response.set_cookie(name, value, max_age=max_age, path="/", secure=True, httponly=True, samesite="strict")


def _check_duty(signed_in: SignedIn, duties: tuple[Duty, ...], now: datetime, *, fresh: bool) -> SignedIn:
    if duties and signed_in.person.duty not in duties:
        raise WrongDutyError
    if fresh and not signed_in.is_fresh(now):
        raise StepUpRequiredError
    return signed_in
