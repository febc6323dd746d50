"""What was kept of how a card was shown not to be revoked, as far as it can be checked again.

`uzi.card_status` keeps an OCSP response whole, and of a revocation list its name and SHA-256.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from cryptography import x509
from cryptography.x509 import ocsp

from pairing_server.evidence import HOLDS, Check, broken, untold
from pairing_server.uzi.certificate import UNREADABLE
from pairing_server.uzi.ocsp import Disrupted, Disruption, Question, Verdict, read_response
from pairing_server.uzi.proof import decode_base64
from pairing_server.uzi.refusals import MalformedEncoding
from pairing_server.uzi.revocation import CLOCK_SKEW, MAX_AGE

#: From the check of a card to the last thing that is done with it: a UZI session, and the browser
#: session after it.
LONGEST = timedelta(minutes=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedList:
    """A revocation list as it was named."""

    issuer: str
    this_update: datetime
    sha256: str
    number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardResponse:
    """An OCSP response as it was kept: DER in padded standard base64."""

    response: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was kept of one check."""

    source: str
    authorities: list[NamedList] = field(default_factory=list)
    crl: NamedList | None = None
    ocsp: HeardResponse | None = None


def check_kept(kept: Mapping[str, Any], path: Sequence[x509.Certificate], at: datetime) -> Check:
    """Check what was kept of the revocation check of a card.

    Args:
        path: From the card's certificate to the anchor.
        at: When the event was written.
    """
    if not kept:
        return untold("nothing was kept")
    try:
        known = msgspec.convert(kept, Kept)
    except msgspec.ValidationError:
        return broken("it is not of the form in which it is kept")
    issuers = [issuer.subject.rfc4514_string() for _, issuer in pairwise(path)]
    if [one.issuer for one in known.authorities] != issuers[1:]:
        return broken("not every authority was checked")
    match known:
        case Kept(source="ocsp", ocsp=HeardResponse(response=response)):
            return _check_response(response, path, at)
        case Kept(source="crl", crl=NamedList() as named):
            return _check_list(named, issuers[0], at)
        case _:
            return broken("it does not say what cleared the card")


def _check_list(named: NamedList, issuer: str, at: datetime) -> Check:
    if named.issuer != issuer:
        return broken("the list is of another issuer")
    if not at - MAX_AGE - LONGEST < named.this_update <= at + CLOCK_SKEW:
        return broken("the list is of another time")
    return untold(f"the list is named, not kept: SHA-256 {named.sha256}")


def _check_response(text: str, path: Sequence[x509.Certificate], at: datetime) -> Check:
    """Read the response again, as of when it was made."""
    try:
        der = decode_base64(text)
        made_at, nonce = _read(der)
    except (MalformedEncoding, *UNREADABLE) as error:
        return broken(type(error).__name__)
    # One that answers a nonce was made for this very check; another may have been made ahead.
    when = made_at if nonce is not None else at
    oldest = at - LONGEST - CLOCK_SKEW if nonce is not None else at - MAX_AGE - LONGEST
    if not oldest < made_at <= at + CLOCK_SKEW:
        return broken("the response is of another time")
    question = Question(path[0], path[1], nonce or b"")
    try:
        answer = read_response(der, question, when, nonce_required=nonce is not None)
    except Disrupted as error:
        if (error.disruption, error.detail) == (Disruption.WRONG_SIGNER, "revocation unknown"):
            return untold("no list was kept that clears the responder itself")
        return broken(error.disruption.value)
    return HOLDS if answer.verdict is Verdict.GOOD else broken(answer.verdict.value)


def _read(der: bytes) -> tuple[datetime, bytes | None]:
    response = ocsp.load_der_ocsp_response(der)
    for extension in response.extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            return response.produced_at_utc, extension.value.nonce
    return response.produced_at_utc, None
