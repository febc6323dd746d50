"""The steps of a UZI session between the page, the agent and the card."""

import asyncio
from datetime import datetime

from pairing_server.audit.events import CardProved, CardRefused, Outcome
from pairing_server.errors import NotFound, TooManyRequests
from pairing_server.ports import Ports
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest, new_id, new_secret
from pairing_server.uzi import refusals
from pairing_server.uzi import session as rules
from pairing_server.uzi.belief import Belief, Believe
from pairing_server.uzi.certificate import Card
from pairing_server.uzi.path import load_certificate
from pairing_server.uzi.proof import decode_base64, proof_message, verify_proof
from pairing_server.uzi.session import Proof, Purpose, Registration, Status, UziSession


class OtherCard(refusals.CardRefused):
    """The registration was begun with another card."""

    code = "other_card"
    description = "Sign with the card that you logged in with: put that one in the reader."


#: What fails before the signature has shown that somebody holds the key: it ends nothing.
_UNHEARD = (
    refusals.BadSignature,
    refusals.MalformedCertificate,
    refusals.MalformedEncoding,
    refusals.UnknownAlgorithm,
    refusals.WeakKey,
    refusals.WrongAlgorithm,
)
#: What is found out only of a card whose path leads to an anchor.
_ANCHORED = (
    refusals.AuthorityRevoked,
    refusals.CardRevoked,
    refusals.RevocationUnknown,
    OtherCard,
)
#: Signatures that are checked at once: the threads are shared with everything else that blocks.
MAX_PROVING = 4
#: Proofs that wait for it; what comes on top is told to come back.
MAX_WAITING = 100


class UziFlow:
    """Start, show, prove, complete."""

    def __init__(
        self,
        ports: Ports,
        believe: Believe,
        *,
        origin: str,
        host: str,
    ) -> None:
        self._registry = ports.registry
        self._sessions = Shelf(ports.store, "uzi-session", UziSession)
        self._believe = believe
        self._proving = asyncio.Semaphore(MAX_PROVING)
        self._waiting = 0
        self._clock = ports.clock
        self._random = ports.random
        self.origin = origin
        self._host = host

    async def start(
        self,
        purpose: Purpose,
        browser: str,
        registration: Registration | None = None,
        words: str = "",
        login: str = "",
    ) -> UziSession:
        """Start a session of this browser.

        Args:
            browser: Digest of the browser's cookie.
            registration: For `sign-registration`, whom it registers, and `words` for it.
            login: The login at the login page that it is for, and `words` for its program.
        """
        session = UziSession(
            id=new_id(self._random),
            purpose=purpose,
            statement=rules.statement(purpose, self._host, words),
            nonce=new_secret(self._random),
            browser=browser,
            status=Status.WAITING,
            expires_at=self._clock() + rules.SESSION_LIFETIME,
            registration=registration,
            login=login,
        )
        await self._sessions.create(session.id, session, rules.SESSION_LIFETIME)
        return session

    async def for_agent(self, session_id: str, nonce: str) -> UziSession:
        """Return the session to the agent that the page opened.

        Raises:
            Expired: the time is over.
            NotFound: unknown, another nonce, or used.
        """
        session = await self._get(session_id)
        rules.check_agent(session, nonce, self._clock())
        return session

    async def for_browser(self, session_id: str, browser: str | None) -> Status:
        """Tell the browser that started the session how far it is.

        Raises:
            NotFound: unknown, or another browser's.
        """
        session = await self._get(session_id)
        if session.browser != browser:
            raise NotFound("another browser")
        return session.status_at(self._clock())

    async def prove(self, session_id: str, proof: Proof) -> str:
        """Believe the card or not, and return the address that finishes the session.

        The signature comes first: only who holds a key and knows the nonce ends a session.

        Raises:
            CardRefused: with the code of the rule.
            Expired: the time is over.
            NotFound: unknown, or used.
            TooManyRequests: too many proofs are being checked.
        """
        session = await self._get(session_id)
        now = self._clock()
        rules.check_waiting(session, now)
        if self._waiting >= MAX_WAITING:
            raise TooManyRequests("proofs under way")
        self._waiting += 1
        try:
            belief = await self._verify(session, proof)
        except refusals.CardRefused as refusal:
            if not isinstance(refusal, _UNHEARD):
                await self._refuse(session, refusal, proof, now)
            raise
        finally:
            self._waiting -= 1
        completion = new_secret(self._random)
        completion_digest = digest(completion)
        await self._sessions.change(
            session_id, lambda held: rules.prove(held, belief, proof, completion_digest, now)
        )
        return f"{self.origin}/uzi/return#{session.id}.{completion}"

    async def withdraw(self, session_id: str) -> None:
        """End a session that nobody is to finish any more.

        Raises:
            Conflict: it was completed.
        """
        await self._sessions.change(session_id, rules.withdraw)

    async def complete(
        self, session_id: str, browser: str | None, completion: str
    ) -> tuple[UziSession, Card]:
        """Finish the session, once and only in the browser that started it.

        Raises:
            Conflict: no card has been proved yet.
            Expired: the time is over.
            NotFound: unknown, another completion, or used.
            WrongBrowser: another browser's; the session is spent.
        """
        now, completion_digest = self._clock(), digest(completion)
        session = await self._sessions.change(
            session_id, lambda held: rules.complete(held, browser, completion_digest, now)
        )
        if session is None:
            raise NotFound
        card = session.card
        if session.status is not Status.COMPLETED or card is None:
            raise rules.WrongBrowser
        event = CardProved(
            actor=f"uzi:{card.uzi_number}",
            object=f"uzi-session:{session.id}",
            ura=card.ura,
            evidence={
                "purpose": session.purpose,
                "serial_number": card.serial_number,
                "revocation": session.revocation,
            },
        )
        await self._registry.commit(lambda tx: tx.record(event))
        return session, card

    async def _refuse(
        self, session: UziSession, refusal: refusals.CardRefused, proof: Proof, now: datetime
    ) -> None:
        """End the session, and tell of a card that led to an anchor and was refused all the same.

        A card that leads nowhere is anybody's making: telling of those would let a stranger write
        to the log, which forgets nothing.
        """
        await self._sessions.change(session.id, lambda held: rules.refuse(held, refusal.code, now))
        if isinstance(refusal, _ANCHORED):
            card = load_certificate(decode_base64(proof.certificate))
            event = CardRefused(
                actor="card:unbelieved",
                object=f"uzi-session:{session.id}",
                outcome=Outcome.REFUSED,
                evidence={
                    "code": refusal.code,
                    "purpose": session.purpose,
                    "serial_number": f"{card.serial_number:x}",
                },
            )
            await self._registry.commit(lambda tx: tx.record(event))

    async def _get(self, session_id: str) -> UziSession:
        stored = await self._sessions.get(session_id)
        if stored is None:
            raise NotFound
        return stored.value

    async def _verify(self, session: UziSession, proof: Proof) -> Belief:
        leaf, chain = decode_base64(proof.certificate), [*map(decode_base64, proof.chain)]
        signature = decode_base64(proof.signature)
        message = proof_message(
            self.origin, session.id, session.nonce, session.purpose, session.statement
        )

        def check() -> None:
            verify_proof(load_certificate(leaf), signature, proof.algorithm, message)

        async with self._proving:
            # RSA with a key that a stranger chose: not for the loop.
            await asyncio.to_thread(check)
        belief = await self._believe(leaf, chain, self._clock())
        begun, card = session.registration, belief.card
        if begun is not None and (
            (begun.uzi_number, begun.ura) != (card.uzi_number, card.ura)
            # Somebody's second card may say another role: what is signed is what is written.
            or not rules.is_about(session.statement, self._host, card)
        ):
            raise OtherCard("registration of another card")
        return belief
