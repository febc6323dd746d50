"""`zorgid-phone` and what is asked of its person: list, show, approve, deny, scan."""

import asyncio
from argparse import Namespace
from collections.abc import Awaitable, Callable

import aiohttp

from clients.auth_request import AuthRequest, WrongCode
from clients.phone import SoftwarePhone
from clients.phone_handset import Handset, Refused, read_code
from clients.phone_line import WAIT
from clients.phone_words import refusal, request_lines
from clients.wire import JSONObject

#: How often the identical answer is sent when the connection breaks.
_TRIES = 3
_LOOK_AGAIN = 0.2

AskCode = Callable[[AuthRequest], Awaitable[str]]


async def show_list(handset: Handset, options: Namespace) -> None:
    """List the open requests, newest first."""
    requests = await _open(handset.phone(), options.wait)
    lines = [line for request in requests for line in request_lines(request)]
    handset.screen.show(lines or ["Nothing is open."], requests)


async def show(handset: Handset, options: Namespace) -> None:
    """Show one request."""
    request = await _pick(handset.phone(), options.id, options.wait)
    handset.screen.show(request_lines(request), [request])


async def approve(handset: Handset, options: Namespace) -> None:
    """Sign one request with the code that stands on the workstation."""
    request = await _pick(handset.phone(), options.id, options.wait)
    handset.screen.tell("opened", request_lines(request), auth_request=request)
    must_have_a_code(options.code)
    await _approve(handset, _chosen(request, options.role), options.code)


async def deny(handset: Handset, options: Namespace) -> None:
    """Say no to one request."""
    request = await _pick(handset.phone(), options.id, options.wait)
    await send_denial(handset, request, not_me=options.not_me)


async def scan(handset: Handset, options: Namespace) -> None:
    """Hand in a login QR code, show what it opens, and answer it."""
    payload = read_code(options.link)
    phone = handset.phone()
    via = options.via or ("link" if payload == options.link else "camera")
    request = await phone.get(await phone.scan_login(payload, via=via))
    handset.screen.tell("opened", request_lines(request), auth_request=request)
    request = _chosen(request, options.role)
    if options.deny:
        await send_denial(handset, request, not_me=False)
    elif request.code_length:
        if options.approve or options.code or handset.screen.interactive:
            await _approve(handset, request, options.code)
    elif options.approve or await _wanted(handset):
        await _approve(handset, request, "")


def must_have_a_code(code: str | None) -> None:
    """Only who has just scanned the QR code may leave the code out.

    Raises:
        Refused: it is left out.
    """
    if code == "":
        raise Refused("Without a code only what was scanned is approved: zorgid-phone scan.")


def _chosen(request: AuthRequest, role_code: str | None) -> AuthRequest:
    """Return the request in the role that is to be signed.

    Raises:
        Refused: it does not offer that one.
    """
    codes = [role.role_code for role in request.roles] or [request.role_code]
    if role_code is not None and role_code not in codes:
        raise Refused(f"The request offers no role {role_code}, but {', '.join(codes)}.")
    return request.in_role(role_code or "")


async def approve_with_code(
    handset: Handset, request: AuthRequest, ask: AskCode, *, again: bool
) -> None:
    """Approve with a code; a person may type `again` until it is right or refused."""
    while True:
        code = await ask(request)
        try:
            await _send_approval(handset, request, code)
        except WrongCode as error:
            if not again or not error.attempts_left:
                raise
            handset.screen.tell(
                "wrong_code", refusal(error), id=request.id, attempts_left=error.attempts_left
            )
        else:
            handset.screen.tell("approved", f"Approved: {request.id}", id=request.id)
            return


async def send_denial(handset: Handset, request: AuthRequest, *, not_me: bool) -> None:
    """Say no; it takes no signature."""
    reason = "not_me" if not_me else "other"
    await _send(handset.phone(), request, {"decision": "deny", "reason": reason})
    handset.screen.tell("denied", f"Denied: {request.id}", id=request.id, reason=reason)


async def _approve(handset: Handset, request: AuthRequest, code: str | None) -> None:
    async def given(_request: AuthRequest) -> str:
        return code or ""

    if code is None:
        await approve_with_code(handset, request, handset.ask_code, again=True)
    else:
        await approve_with_code(handset, request, given, again=False)


async def _send_approval(handset: Handset, request: AuthRequest, code: str) -> None:
    """Sign once, and send the identical answer again when the connection breaks."""
    async with handset.signing() as phone:
        await _send(phone, request, phone.approval(request, code, _choice(request)))


def _choice(request: AuthRequest) -> str:
    """Return the role to name in the answer: none where there is nothing to choose."""
    return request.role_code if request.roles else ""


async def _send(phone: SoftwarePhone, request: AuthRequest, body: JSONObject) -> None:
    for left in reversed(range(_TRIES)):
        try:
            await phone.answer(request.id, body)
        except (aiohttp.ClientConnectionError, TimeoutError):
            if not left:
                raise
            await asyncio.sleep(_LOOK_AGAIN)
        else:
            return


async def _wanted(handset: Handset) -> bool:
    return handset.screen.interactive and await handset.screen.confirm("Approve it?")


async def _open(phone: SoftwarePhone, wait: int) -> list[AuthRequest]:
    """Pull what is open, and wait up to `wait` seconds while that is nothing."""
    requests = await phone.auth_requests()
    left = wait
    while not requests and left > 0:
        requests = await phone.auth_requests(wait=min(left, WAIT))
        left -= WAIT
    return requests


async def _pick(phone: SoftwarePhone, which: str | None, wait: int) -> AuthRequest:
    """Find an open request by how its identifier begins; without one the newest.

    Raises:
        Refused: there is none, or more than one.
    """
    requests = await _open(phone, wait)
    found = [each for each in requests if each.id.startswith(which or "")]
    if not found:
        raise Refused("No such request is open." if which else "Nothing is open.")
    if which and len(found) > 1:
        raise Refused(f"More than one open request begins with {which}.")
    return found[0]
