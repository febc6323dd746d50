"""Whether a card still holds: OCSP first, the revocation lists when that is disrupted.

    a list of its issuer names it           revoked, whatever OCSP says: nothing is unrevoked
    OCSP says revoked                       revoked
    OCSP says good                          good
    OCSP says unknown                       unknown: its own issuer does not know of the card
    OCSP is disrupted, a fresh list clears  good
    OCSP is disrupted, and no fresh list    unknown

Unknown is refused.  Every authority between the card and the anchor has to be cleared by a fresh
list of the one above.
"""

import base64
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from cryptography import x509

from pairing_server.clock import wire_time
from pairing_server.destination import AllowList
from pairing_server.metrics import CARD_STATUS
from pairing_server.uzi.ocsp import Disrupted, Verdict, responder_urls
from pairing_server.uzi.refusals import AuthorityRevoked, CardRevoked, RevocationUnknown
from pairing_server.uzi.responder import Heard, Responder
from pairing_server.uzi.revocation import (
    MAX_AGE,
    RevocationList,
    check_revocation,
    common_name,
    list_urls,
)
from pairing_server.uzi.revocation_files import ListDirectory
from pairing_server.uzi.revocation_lists import ListKeeper


@dataclass(frozen=True, slots=True)
class Places:
    """Where it is asked.

    Attributes:
        allowed: What may be called of the addresses that certificates name.
        responder: Asked in the place of the one that a card names.
        fallback: Asked about a card that names none which may be called.
    """

    allowed: AllowList = field(default_factory=AllowList)
    responder: str | None = None
    fallback: str | None = None

    def responder_of(self, card: x509.Certificate) -> str | None:
        """Return the responder to ask about a card."""
        if self.responder is not None:
            return self.responder
        named = (url for url in responder_urls(card) if self.allowed.allows(url))
        return next(named, self.fallback)

    def lists_of(self, path: Sequence[x509.Certificate]) -> list[str]:
        """Return where the lists of a path are that may be fetched."""
        urls = (url for certificate in path[:-1] for url in list_urls(certificate))
        return [url for url in dict.fromkeys(urls) if self.allowed.allows(url)]


class CardStatus:
    """Checks paths; a `belief.Revocation`.

    Args:
        max_age: How long the list of an issuing authority of cards is believed.
        stopped: Called when nothing is asked any more.
    """

    def __init__(
        self,
        directory: ListDirectory,
        keeper: ListKeeper | None,
        responder: Responder | None,
        places: Places,
        max_age: timedelta = MAX_AGE,
        stopped: Callable[[], None] = lambda: None,
    ) -> None:
        self._stopped = stopped
        self._directory = directory
        self._keeper = keeper
        self._responder = responder
        self._places = places
        self._max_age = max_age

    async def check(self, path: Sequence[x509.Certificate], at: datetime) -> Mapping[str, Any]:
        """Check every certificate of a path below its anchor; see `belief.Revocation`."""
        source, outcome = "none", "refused"
        try:
            evidence = await self._check(path, at)
            source, outcome = evidence["source"], "good"
        except CardRevoked as refusal:
            source, outcome = str(refusal.args[0]), "revoked"
            raise
        except RevocationUnknown:
            outcome = "unknown"
            raise
        finally:
            CARD_STATUS.labels(source, outcome).inc()
        return evidence

    def ages(self, now: datetime) -> dict[str, float]:
        """Return how old the freshest list of each authority is, in seconds."""
        ages: dict[str, float] = {}
        for one in self._lists():
            name, age = common_name(one.issuer), (now - one.this_update).total_seconds()
            ages[name] = min(age, ages.get(name, age))
        return ages

    async def known_lists(self) -> Sequence[RevocationList]:
        """Return every list that was fetched or put into the directory, fresh or not."""
        await self._directory.refresh()
        return self._lists()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read what is there, and fetch until the block is left."""
        await self._directory.refresh()
        if self._keeper is None:
            yield
            return
        try:
            await self._keeper.start(self._places.allowed.allows)
            yield
        finally:
            await self._keeper.stop()
            self._stopped()

    async def _check(self, path: Sequence[x509.Certificate], at: datetime) -> dict[str, Any]:
        await self._directory.refresh()
        if self._keeper is not None:
            await self._keeper.know(path[1:])
            await self._keeper.learn(self._places.lists_of(path))
        lists = self._lists()
        authorities = [
            _list_evidence(_authority_cleared(authority, issuer, lists, at))
            for authority, issuer in pairwise(path[1:])
        ]
        cleared = self._cleared(path, lists, at)
        disruption, heard = None, None
        try:
            heard = await self._ask(path, lists, at, even_if_down=cleared is None)
        except Disrupted as error:
            disruption = " ".join(filter(None, (error.disruption.value, error.detail)))
        if heard is None and cleared is None:
            raise RevocationUnknown("no fresh list", f"OCSP: {disruption or 'not asked'}")
        evidence: dict[str, Any] = {"source": "crl", "authorities": authorities}
        if cleared is not None:
            evidence["crl"] = _list_evidence(cleared)
        if disruption is not None:
            evidence["ocsp_disrupted"] = disruption
        if heard is not None:
            evidence |= {"source": "ocsp", "ocsp": _heard_evidence(heard)}
        return evidence

    def _cleared(
        self, path: Sequence[x509.Certificate], lists: Sequence[RevocationList], at: datetime
    ) -> RevocationList | None:
        """Return the list that clears the card, if there is a fresh one."""
        try:
            return check_revocation(path[0], path[1], lists, at, self._max_age)
        except CardRevoked as error:
            raise CardRevoked("crl") from error
        except RevocationUnknown:
            return None

    async def _ask(
        self,
        path: Sequence[x509.Certificate],
        lists: Sequence[RevocationList],
        at: datetime,
        *,
        even_if_down: bool,
    ) -> Heard | None:
        """Ask a responder, if there is one; only a good answer is returned."""
        url = self._places.responder_of(path[0])
        if self._responder is None or url is None:
            return None
        heard = await self._responder.ask(url, path, at, lists, even_if_down=even_if_down)
        match heard.answer.verdict:
            case Verdict.REVOKED:
                raise CardRevoked("ocsp")
            case Verdict.UNKNOWN:
                # Signed by the issuer's own responder: it never issued this card, or not yet.
                # A list cannot tell, for it only names what was issued and revoked.
                raise RevocationUnknown("OCSP: unknown")
            case Verdict.GOOD:
                return heard

    def _lists(self) -> list[RevocationList]:
        fetched = self._keeper.lists if self._keeper is not None else []
        return [*self._directory.lists, *fetched]


def _authority_cleared(
    authority: x509.Certificate,
    issuer: x509.Certificate,
    lists: Sequence[RevocationList],
    at: datetime,
) -> RevocationList:
    try:
        # Authorities above issue lists for months: theirs say themselves how long.
        return check_revocation(authority, issuer, lists, at, max_age=None)
    except CardRevoked as error:
        raise AuthorityRevoked from error
    except RevocationUnknown as error:
        raise RevocationUnknown("of an authority", *error.args) from error


def _list_evidence(one: RevocationList) -> dict[str, str]:
    return {
        "issuer": one.issuer,
        "number": one.number,
        "this_update": wire_time(one.this_update),
        "sha256": one.sha256.hex(),
    }


def _heard_evidence(heard: Heard) -> dict[str, str]:
    return {
        "responder": heard.answer.responder,
        "this_update": wire_time(heard.answer.this_update),
        "produced_at": wire_time(heard.answer.produced_at),
        "response": base64.b64encode(heard.response).decode("ascii"),
    }
