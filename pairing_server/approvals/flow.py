"""The steps of an approval between workstation, server and phone."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from pairing_server.approvals import auth_request as rules
from pairing_server.approvals import inbox as inbox_rules
from pairing_server.approvals.auth_request import (
    Answer,
    AuthRequest,
    Decision,
    DenyReason,
    Shown,
    Status,
)
from pairing_server.approvals.evidence import challenge, details
from pairing_server.approvals.inbox import Entry, Inbox
from pairing_server.approvals.record import record_answer
from pairing_server.approvals.refusals import AuthRequestClosed, TooManyOpen, WrongCode
from pairing_server.errors import NotFound, Refusal
from pairing_server.keys.ceremony import (
    AuthenticationResponse,
    RelyingParty,
    evidence_of,
    verify_assertion,
)
from pairing_server.keys.flow import BoundPhone
from pairing_server.keys.policy import KeyPolicy
from pairing_server.keys.refusals import PhoneBlocked
from pairing_server.ports import Ports
from pairing_server.push import Wakeup
from pairing_server.push.dispatch import Dispatch, active_phones
from pairing_server.registry import answers
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest, new_secret

#: 128 of the 256 bits of the digest: as much as any other identifier.
ID_CHARACTERS = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a client asks, once its words have been checked.

    Attributes:
        person_id: `None` for a hint that names nobody this client may know of.
    """

    client_id: str
    person_id: str | None
    workstation_id: str
    scope: str
    shown: Shown
    code: str
    lifetime: timedelta


def request_id(auth_req_id: str) -> str:
    """Return the id under which the phone sees a client's auth request; it tells nothing of it."""
    return digest(auth_req_id)[:ID_CHARACTERS]


class ApprovalFlow:
    """Ask, show, answer, end."""

    def __init__(
        self,
        ports: Ports,
        dispatch: Dispatch,
        rp: RelyingParty,
        policy: KeyPolicy,
    ) -> None:
        """Build the flow.

        Args:
            policy: Which keys are taken, where an organisation has no policy of its own.
        """
        self._registry = ports.registry
        self._store = ports.store
        self._requests = Shelf(ports.store, "auth-request", AuthRequest)
        self._inboxes = Shelf(ports.store, "inbox", Inbox)
        self._dispatch = dispatch
        self._clock = ports.clock
        self._random = ports.random
        self._rp = rp
        self._policy = policy

    def now(self) -> datetime:
        """Return the time by which requests expire."""
        return self._clock()

    async def ask(self, asked: Asked) -> tuple[str, AuthRequest]:
        """Put a request on a person's phones and wake them.

        Returns:
            The client's `auth_req_id`, of which only a digest is kept, and the request.

        Raises:
            TooManyOpen: as many requests of this client are open as may be.
        """
        auth_req_id = new_secret(self._random)
        request = AuthRequest(
            id=request_id(auth_req_id),
            status=Status.PENDING,
            client_id=asked.client_id,
            person_id=asked.person_id,
            workstation_id=asked.workstation_id,
            scope=asked.scope,
            shown=asked.shown,
            code=asked.code,
            expires_at=self._clock() + asked.lifetime,
        )
        await self._requests.create(request.id, request, asked.lifetime)
        if asked.person_id is not None:
            try:
                await self._deliver(asked.person_id, request)
            except TooManyOpen:
                await self._requests.delete(request.id)
                raise
        return auth_req_id, request

    async def open_requests(self, person_id: str) -> list[AuthRequest]:
        """Return the person's open requests, newest first."""
        inbox = await self._inboxes.get(person_id)
        entries = inbox.value.entries if inbox else ()
        now = self._clock()
        stored = await asyncio.gather(
            *(self._requests.get(entry.id) for entry in entries if not entry.is_approved)
        )
        return [
            item.value for item in stored if item and item.value.status_at(now) is Status.PENDING
        ]

    async def watch(
        self,
        person_id: str,
        wait: timedelta,
        is_news: Callable[[list[AuthRequest]], bool],
        check_phone: Callable[[], Awaitable[object]],
    ) -> list[AuthRequest]:
        """Return the open requests as soon as they are news to the phone, or after `wait`.

        Args:
            check_phone: Raises when the phone was cut off while its call was held.
        """
        deadline = self._clock() + wait
        async with self._store.listen(inbox_channel(person_id)) as listener:
            while True:
                requests = await self.open_requests(person_id)
                now = self._clock()
                # What expires is news too, and nobody signals it.
                left = min([deadline, *(request.expires_at for request in requests)]) - now
                if is_news(requests) or now >= deadline:
                    return requests
                was_signalled = await listener.wait(left)
                await check_phone()
                if not was_signalled:
                    return await self.open_requests(person_id)

    async def open_request(self, person_id: str, identifier: str) -> AuthRequest:
        """Return one request of this person, open or not.

        Raises:
            NotFound: unknown, or another person's.
        """
        stored = await self._requests.get(identifier)
        if stored is None or stored.value.person_id != person_id:
            raise NotFound
        return stored.value

    async def approve(
        self, phone: BoundPhone, identifier: str, code: str, assertion: AuthenticationResponse
    ) -> None:
        """Take an approval: the signature first, then the code, then the registry, then the news.

        Raises:
            AuthRequestClosed: the request is over or was answered otherwise.
            InvalidAssertion: the phone's key did not sign these details; nothing is counted.
            NotFound: unknown, or another person's.
            KeyNotAccepted: the organisation does not take such a key.
            PhoneBlocked: the phone was blocked meanwhile.
            SignCountRegressed: well signed, and the key may have been copied.
            WrongCode: well signed, but the wrong code; an attempt is gone.
        """
        request = await self.open_request(phone.person.id, identifier)
        now, credential = self._clock(), phone.credential
        signed = details(request, code)
        raw = msgspec.json.encode([credential.id, signed, assertion])
        answer = Answer(
            decision=Decision.APPROVE,
            credential_id=credential.id,
            digest=digest(raw.decode()),
            evidence=evidence_of(assertion),
        )
        standing = rules.standing(request, answer)
        if standing is None and request.status is Status.CLAIMED:
            # Is another answer under way, or has the registry had it and nobody heard?
            request = await self._align(phone.person.id, request)
            standing = rules.standing(request, answer)
        if standing is None:
            rules.check_open(request, answer, now)
            verified = verify_assertion(
                self._rp,
                assertion,
                challenge=challenge(signed),
                credential_id=credential.id,
                public_key=credential.public_key,
                sign_count=credential.sign_count,
                backup_eligible=credential.backup_eligible,
            )
            answer = replace(answer, sign_count=verified.sign_count, backed_up=verified.backed_up)
            request = await self._change(
                identifier, lambda held: rules.approve(held, answer, code, now)
            )
            standing = rules.standing(request, answer)
            if standing is None:
                raise WrongCode(attempts_left=request.attempts_left)
        await self._conclude(phone, request, standing, signed)
        if standing.decision is Decision.DENY:
            raise WrongCode(attempts_left=0)

    async def deny(self, phone: BoundPhone, identifier: str, reason: DenyReason) -> None:
        """Take a denial; it needs the device token alone.

        Raises:
            AuthRequestClosed: the request is over or was answered otherwise.
            NotFound: unknown, or another person's.
        """
        request = await self.open_request(phone.person.id, identifier)
        now = self._clock()
        answer = Answer(
            decision=Decision.DENY,
            credential_id=phone.credential.id,
            digest=digest(f"{phone.credential.id}\n{identifier}\n{reason}"),
            reason=reason,
        )
        request = await self._change(identifier, lambda held: rules.claim(held, answer, now))
        await self._conclude(phone, request, answer, {})

    async def end_all(self, person_id: str) -> None:
        """End every request of a person that was not redeemed: a phone of theirs was cut off."""
        inbox = await self._inboxes.get(person_id)
        for entry in inbox.value.entries if inbox else ():
            await self._revoke(person_id, entry.id)
        # A phone whose call is held hears it even where nothing was open.
        await self._store.signal(inbox_channel(person_id))

    async def for_client(
        self, auth_req_id: str, client_id: str, wait: timedelta
    ) -> AuthRequest | None:
        """Return a client's own request, held until it has ended or `wait` is over."""
        identifier = request_id(auth_req_id)
        deadline = self._clock() + wait
        async with self._store.listen(self._requests.key(identifier)) as listener:
            while True:
                stored = await self._requests.get(identifier)
                if stored is None or stored.value.client_id != client_id:
                    return None
                now = self._clock()
                left = min(deadline, stored.value.expires_at) - now
                is_over = stored.value.status_at(now) is not Status.PENDING
                if is_over or left <= timedelta(0) or not await listener.wait(left):
                    return stored.value

    async def redeemed(self, request: AuthRequest) -> None:
        """Close a request whose redemption the registry holds."""
        await self._end(request.person_id or "", request.id, rules.redeem)

    async def revoked(self, request: AuthRequest) -> bool:
        """Close a request that the registry would not redeem.  Returns whether this call did."""
        now, did_close = self._clock(), False

        def rule(held: AuthRequest) -> AuthRequest:
            nonlocal did_close
            closed = rules.revoke(held, now)
            did_close = closed is not held
            return closed

        ended = await self._end(request.person_id or "", request.id, rule)
        return did_close and ended is not None

    async def _deliver(self, person_id: str, request: AuthRequest) -> None:
        entry = Entry(request.id, request.client_id, request.workstation_id, request.expires_at)
        before = await self._put(person_id, entry)
        now = self._clock()
        older = [old.id for old in inbox_rules.superseded(before, entry)]
        ended = [identifier for identifier in older if await self._supersede(identifier, now)]
        if ended:
            await self._inboxes.change(person_id, lambda inbox: inbox_rules.drop(inbox, *ended))
        await self._store.signal(inbox_channel(person_id))
        active = await self._registry.read(lambda tx: active_phones(tx, person_id, now))
        if not active:
            # Cut off since the client was let in: what looked into the inbox before this request
            # stood there has not ended it.
            await self._revoke(person_id, request.id)
        self._dispatch.wake(
            active,
            Wakeup(request.id, request.expires_at, tag=inbox_rules.tag_of(person_id, entry)),
        )

    async def _supersede(self, identifier: str, now: datetime) -> bool:
        """End an older request unless it has been answered.  Returns whether it is over."""
        try:
            held = await self._change(identifier, lambda held: rules.supersede(held, now))
        except NotFound:
            return True
        return held.status not in (Status.CLAIMED, Status.APPROVED)

    async def _put(self, person_id: str, entry: Entry) -> Inbox:
        """Put an entry into the inbox and return the inbox as it was before."""
        while True:
            stored = await self._inboxes.get(person_id)
            before = stored.value if stored else Inbox()
            after = inbox_rules.put(before, entry, self._clock())
            lifetime = inbox_rules.INBOX_LIFETIME
            if stored is None:
                done = await self._inboxes.create(person_id, after, lifetime)
            else:
                done = await self._inboxes.swap(person_id, stored, after, lifetime)
            if done:
                return before

    async def _conclude(
        self, phone: BoundPhone, request: AuthRequest, answer: Answer, signed: dict[str, str]
    ) -> None:
        """Make the claimed answer durable, then let it take effect and tell the workstation."""
        now = self._clock()
        try:
            await self._registry.commit(
                lambda tx: record_answer(tx, request, answer, phone, signed, now, self._policy)
            )
        except PhoneBlocked:
            await self._revoke(phone.person.id, request.id)
            raise
        except AuthRequestClosed:
            await self._align(phone.person.id, request)
            raise
        except Refusal:
            await self._change(request.id, lambda held: rules.release(held, answer))
            raise
        settled = await self._settle(phone.person.id, request.id, answer)
        # A block that came between the commit and here has ended the request.
        if settled is not None and rules.standing(settled, answer) is None:
            raise AuthRequestClosed(status=settled.status)

    async def _align(self, person_id: str, request: AuthRequest) -> AuthRequest:
        """Bring the Store in line with what the registry has of a request, if it has anything."""
        known = await self._registry.read(lambda tx: answers.get_answer(tx, request.id))
        if known is None:
            return request
        answer = Answer(
            decision=Decision(known.decision),
            credential_id=known.credential_id,
            digest=known.answer_digest,
        )
        return await self._settle(person_id, request.id, answer) or request

    async def _settle(self, person_id: str, identifier: str, answer: Answer) -> AuthRequest | None:
        """Let the answer take effect that the registry has, and tell the workstation."""
        settled = None
        with contextlib.suppress(NotFound):
            settled = await self._change(identifier, lambda held: rules.settle(held, answer))
        awaits_redemption = settled is not None and settled.status is Status.APPROVED
        rule = inbox_rules.approved if awaits_redemption else inbox_rules.drop
        await self._inboxes.change(person_id, lambda inbox: rule(inbox, identifier))
        await self._store.signal(inbox_channel(person_id))
        return settled

    async def _revoke(self, person_id: str, identifier: str) -> None:
        now = self._clock()
        await self._end(person_id, identifier, lambda held: rules.revoke(held, now))

    async def _end(
        self, person_id: str, identifier: str, rule: Callable[[AuthRequest], AuthRequest]
    ) -> AuthRequest | None:
        ended = None
        with contextlib.suppress(NotFound):
            ended = await self._change(identifier, rule)
        await self._inboxes.change(person_id, lambda inbox: inbox_rules.drop(inbox, identifier))
        await self._store.signal(inbox_channel(person_id))
        return ended

    async def _change(
        self, identifier: str, rule: Callable[[AuthRequest], AuthRequest]
    ) -> AuthRequest:
        changed = await self._requests.change(identifier, rule)
        if changed is None:
            raise NotFound
        await self._store.signal(self._requests.key(identifier))
        return changed


def inbox_channel(person_id: str) -> str:
    """Return what is signalled when a person's open requests change."""
    return f"inbox:{person_id}"
