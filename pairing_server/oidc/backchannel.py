"""Rules of a backchannel authentication request (CIBA Core section 7.1)."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import msgspec

from pairing_server.approvals.auth_request import DEFAULT_LIFETIME, MAX_LIFETIME
from pairing_server.errors import InvalidRequest
from pairing_server.oidc import hints, ping
from pairing_server.oidc.acr import asked_levels
from pairing_server.oidc.client_policy import MAX_CODE_DIGITS, policy_of
from pairing_server.oidc.metadata import SCOPES
from pairing_server.oidc.refusals import InvalidBindingMessage, InvalidScope
from pairing_server.registry.client_metadata import DeliveryMode
from pairing_server.registry.clients import Client
from pairing_server.settings import AssuranceLevel

MAX_BINDING_MESSAGE_CHARACTERS = 100

_DIGITS = re.compile(r"[0-9]+", re.ASCII)
# Controls, surrogates, private and unassigned, line and paragraph separators; and what turns the
# direction of text or hides in it.
_UNSHOWABLE = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp", "Cf"})
# Letters and marks that show nothing (Unicode, Default_Ignorable_Code_Point beyond Cf).
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")

Shown = Annotated[str, msgspec.Meta(max_length=100)]


class RequestContext(msgspec.Struct):
    """`request_context`: where the person is asked from."""

    workstation_id: Shown = ""
    workstation: Shown = ""
    location: Shown = ""


@dataclass(frozen=True, slots=True)
class Binding:
    """What ties the two screens: a text to compare, and a code to type if the client has one."""

    message: str
    code: str | None


@dataclass(frozen=True, slots=True)
class BackchannelRequest:
    """A well-formed request.

    Attributes:
        scope: What was asked and is known here; the rest is granted to nobody (RFC 6749 3.3).
        hint: Its name and what stands there.
        acr: The levels of assurance that are asked for, of those that are known here.
        notification_token: Empty but in ping mode.
    """

    scope: str
    hint: tuple[str, str]
    acr: tuple[AssuranceLevel, ...]
    notification_token: str
    ura: str
    binding: Binding
    lifetime: timedelta
    context: RequestContext
    code_digits: int


def parse(form: Mapping[str, str], client: Client) -> BackchannelRequest:
    """Read a request.

    Args:
        form: Its parameters, whether they came in a form or in a request object.

    Raises:
        InvalidBindingMessage: see there.
        InvalidRequest: a parameter is missing or out of range.
        InvalidScope: `openid` is missing.
    """
    policy = policy_of(client)
    digits = policy.code_digits
    return BackchannelRequest(
        scope=scope_of(form),
        hint=hints.only_one(form),
        acr=asked_levels(form.get("acr_values", "")),
        notification_token=_notification_token(form, client),
        ura=ura_of(form.get("ura"), client),
        binding=binding(form.get("binding_message"), digits),
        lifetime=lifetime_of(form.get("requested_expiry")),
        context=context_of(form.get("request_context")),
        code_digits=digits,
    )


def scope_of(form: Mapping[str, str]) -> str:
    """Return what of the scope is known here.

    Raises:
        InvalidScope: `openid` is missing.
    """
    asked = form.get("scope", "").split(" ")
    if "openid" not in asked:
        raise InvalidScope
    return " ".join(name for name in SCOPES if name in asked)


def binding(message: str | None, digits: int) -> Binding:
    """Tell a code from a text.

    All digits is a code of the client's own, and the phone is never told it.

    Raises:
        InvalidBindingMessage: a code of the wrong length, or a text that cannot be shown safely.
    """
    if message is None:
        return Binding("", None)
    if _DIGITS.fullmatch(message):
        if not digits <= len(message) <= MAX_CODE_DIGITS:
            raise InvalidBindingMessage("digits")
        return Binding("", message)
    if message.isdigit():
        # Digits that no keypad types: the client means a code, the person would see a text.
        raise InvalidBindingMessage("not ASCII digits")
    if len(message) > MAX_BINDING_MESSAGE_CHARACTERS:
        raise InvalidBindingMessage("too long")
    _check_showable(message, InvalidBindingMessage("unshowable"))
    return Binding(message, None)


def _notification_token(form: Mapping[str, str], client: Client) -> str:
    is_ping = client.metadata.backchannel_token_delivery_mode is DeliveryMode.PING
    return ping.notification_token(form) if is_ping else ""


def ura_of(value: str | None, client: Client) -> str:
    """Return for which organisation the client asks.

    Raises:
        InvalidRequest: it has to say, or serves another.
    """
    if value is None and len(client.uras) == 1:
        return client.uras[0]
    if value not in client.uras:
        raise InvalidRequest("Send ura, the 8 digits of an organisation that this client serves.")
    return value


def lifetime_of(value: str | None) -> timedelta:
    """Return how long the request is open: as asked, up to the most.

    Raises:
        InvalidRequest: it is no number of seconds.
    """
    if value is None:
        return DEFAULT_LIFETIME
    # Nine digits are years: of a longer number no more need be read.
    significant = value.lstrip("0")[:9]
    if not _DIGITS.fullmatch(value) or not significant:
        raise InvalidRequest("requested_expiry is a positive number of seconds.")
    return min(timedelta(seconds=int(significant)), MAX_LIFETIME)


def context_of(value: str | None) -> RequestContext:
    """Read where the person is asked from.

    Raises:
        InvalidRequest: it is not such an object, or cannot be shown safely.
    """
    if value is None:
        return RequestContext()
    try:
        context = msgspec.json.decode(value, type=RequestContext)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(
            "request_context is a JSON object of workstation_id, workstation and location."
        ) from error
    for text in (context.workstation_id, context.workstation, context.location):
        _check_showable(text, InvalidRequest("request_context has characters nobody can read."))
    return context


def _check_showable(text: str, refusal: Exception) -> None:
    # A right-to-left override in a workstation's name would show the person another name.
    if any(unicodedata.category(character) in _UNSHOWABLE for character in text):
        raise refusal
    if not _INVISIBLE.isdisjoint(text):
        raise refusal
