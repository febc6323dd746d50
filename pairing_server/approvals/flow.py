"""The steps of an approval between workstation, server and phone."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from pairing_server.approvals import auth_request as rules
from pairing_server.approvals import inbox as inbox_rules
from pairing_server.approvals.asked import Asked, request_id
from pairing_server.approvals.auth_request import (
    Answer,
    AuthRequest,
    Decision,
    DenyReason,
    Grant,
    Status,
)
from pairing_server.approvals.evidence import challenge, details
from pairing_server.approvals.fatigue import Gate
from pairing_server.approvals.inbox import Entry
from pairing_server.approvals.open_requests import OpenRequests
from pairing_server.approvals.pushing import Pushing
from pairing_server.approvals.record import record_answer
from pairing_server.approvals.refusals import AuthRequestClosed, TooManyOpen, WrongCode
from pairing_server.background import in_background
from pairing_server.errors import NotFound, Refusal
from pairing_server.keys.ceremony import (
    AuthenticationResponse,
    RelyingParty,
    evidence_of,
    verify_assertion,
)
from pairing_server.keys.flow import BoundPhone
from pairing_server.keys.policy import KeyPolicy
from pairing_server.keys.refusals import KeyOfAnotherOrganisation, PhoneBlocked
from pairing_server.ports import Ports
from pairing_server.push.dispatch import Dispatch
from pairing_server.registry import answers
from pairing_server.tokens import digest, new_secret

#: By how much the loop's time may be ahead of the clock when a wait is over.
_IN_STEP = timedelta(milliseconds=50)


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
        self._requests = OpenRequests(ports.store, ports.clock)
        self._pushing = Pushing(ports, dispatch)
        self._clock = ports.clock
        self._random = ports.random
        self._rp = rp
        self._policy = policy

    async def withdrawing(self, _: object) -> AsyncIterator[None]:
        """Take away the notices of requests that run out, while the server runs."""
        async with in_background(self._pushing.expiries.run()):
            yield

    async def end_due(self) -> None:
        """Take away the notices of requests that have run out by now."""
        await self._pushing.expiries.end_due()

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
        now = self._clock()
        request = AuthRequest(
            id=request_id(auth_req_id),
            status=Status.PENDING,
            client_id=asked.client_id,
            person_id=asked.person_id,
            workstation_id=asked.workstation_id,
            scope=asked.scope,
            shown=asked.shown,
            code=asked.code,
            expires_at=now + asked.lifetime,
            asked_at=now,
            is_discreet=asked.is_discreet,
            needs_known_place=asked.needs_known_place,
            grant=asked.grant,
            is_for_whoever_scans=asked.is_for_whoever_scans,
            role_codes=asked.role_codes,
        )
        await self._requests.create(request, asked.lifetime)
        if asked.person_id is not None:
            try:
                await self._deliver(asked.person_id, request, asked.gate)
            except TooManyOpen:
                await self._requests.delete(request.id)
                raise
        return auth_req_id, request

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
        async with self._requests.listen_to_inbox(person_id) as listener:
            while True:
                requests = await self._requests.pending(person_id)
                now = self._clock()
                # What expires is news too, and nobody signals it.
                left = min([deadline, *(request.expires_at for request in requests)]) - now
                if is_news(requests) or now >= deadline:
                    return requests
                was_signalled = await listener.wait(left)
                await check_phone()
                if not was_signalled:
                    return await self._requests.pending(person_id)

    async def open_request(self, person_id: str, identifier: str) -> AuthRequest:
        """Return one request of this person, open or not.

        Raises:
            NotFound: unknown, or another person's.
        """
        return await self._requests.of_person(person_id, identifier)

    async def fetched(self, requests: list[AuthRequest]) -> None:
        """Hear that a phone was given these requests: nobody needs to be told to open the app."""
        now = self._clock()
        for request in requests:
            if not request.is_fetched and request.status_at(now) is Status.PENDING:
                with contextlib.suppress(NotFound):
                    await self._requests.change(request.id, rules.fetch, request)

    async def approve(
        self,
        phone: BoundPhone,
        identifier: str,
        code: str,
        assertion: AuthenticationResponse,
        *,
        role_code: str = "",
    ) -> None:
        """Take an approval: the signature first, then the code, then the registry, then the news.

        Args:
            role_code: The role that the person chose, where there is a choice.

        Raises:
            AuthRequestClosed: the request is over or was answered otherwise.
            InvalidAssertion: the phone's key did not sign these details; nothing is counted.
            NotFound: unknown, or another person's.
            KeyNotAccepted: the organisation does not take such a key.
            PhoneBlocked: the phone was blocked meanwhile.
            RoleNotOffered: the request does not offer the role.
            SignCountRegressed: well signed, and the key may have been copied.
            WorkstationNotKnown: the client's policy asks for one where they have logged in before.
            WrongCode: well signed, but the wrong code; an attempt is gone.
        """
        request = await self.open_request(phone.person.id, identifier)
        request = rules.in_role(request, role_code)
        now, credential = self._clock(), phone.credential
        signed = details(request, code)
        raw = msgspec.json.encode([credential.id, signed, assertion])
        answer = Answer(
            decision=Decision.APPROVE,
            credential_id=credential.id,
            digest=digest(raw.decode()),
            evidence=evidence_of(assertion),
            role_code=request.shown.role_code,
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
            request = await self._requests.change(
                identifier, lambda held: rules.approve(held, answer, code, now), request
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
            KeyOfAnotherOrganisation: the phone opens one organisation alone, and this is another.
            NotFound: unknown, or another person's.
        """
        request = await self.open_request(phone.person.id, identifier)
        if not phone.credential.is_for(request.shown.ura):
            # It may be an operator's own phone, and a no shuts out a workstation.
            raise KeyOfAnotherOrganisation
        now = self._clock()
        answer = Answer(
            decision=Decision.DENY,
            credential_id=phone.credential.id,
            digest=digest(f"{phone.credential.id}\n{identifier}\n{reason}"),
            reason=reason,
        )
        request = await self._requests.change(
            identifier, lambda held: rules.claim(held, answer, now)
        )
        await self._conclude(phone, request, answer, {})

    async def opened(self, person_id: str, client_id: str, workstation_id: str) -> None:
        """Hear that a person wants a workstation to wake them again."""
        await self._pushing.opened(person_id, client_id, workstation_id)

    async def end_all(self, person_id: str, ura: str | None = None) -> None:
        """End each request of a person, of one organisation or all, that was not redeemed."""
        for entry in await self._requests.entries(person_id):
            if ura is not None and not await self._requests.is_for(entry.id, ura):
                continue
            await self._requests.revoke(person_id, entry.id)
            await self._pushing.ended(person_id, entry)
        # A phone whose call is held hears it even where nothing was open.
        await self._requests.signal(person_id)

    async def for_client(
        self, auth_req_id: str, client_id: str, grant: Grant, wait: timedelta
    ) -> AuthRequest | None:
        """Return a client's own request, held until it has ended or `wait` is over.

        Args:
            grant: By which it was asked; another one's is nobody's.
        """
        identifier = request_id(auth_req_id)
        began = self._clock()
        deadline = began + wait
        async with self._requests.listen_to(identifier) as listener:
            while True:
                request = await self._requests.get(identifier)
                known = (identifier, client_id, grant)
                if request is None or known != (request.id, request.client_id, request.grant):
                    return None
                now, due = self._clock(), request.hint_due
                is_over = request.status_at(now) is not Status.PENDING
                is_news = is_over or (due is not None and began < due <= now)
                until = min(deadline, request.expires_at, due if due and due > now else deadline)
                if is_news or until <= now:
                    return request
                was_signalled = await listener.wait(until - now)
                if not was_signalled and until - self._clock() > _IN_STEP:
                    # The server drains.
                    return request

    async def look(self, identifier: str) -> AuthRequest | None:
        """Return a request by the id under which its client keeps it, whoever it is asked of."""
        return await self._requests.get(identifier)

    async def withdraw(self, identifier: str) -> None:
        """End an unanswered request that its client takes back; an answer stands."""
        if not await self._requests.supersede(identifier, self._clock()):
            return
        ended = await self._requests.get(identifier)
        # Read after it has ended: somebody may have scanned it until then.
        if ended is None or ended.person_id is None:
            return
        person_id = ended.person_id
        entry = Entry(ended.id, ended.client_id, ended.workstation_id, ended.expires_at)
        await self._requests.change_inbox(
            person_id, lambda inbox: inbox_rules.drop(inbox, identifier)
        )
        await self._pushing.ended(person_id, entry)

    async def redeemed(self, request: AuthRequest) -> None:
        """Close a request whose redemption the registry holds."""
        await self._requests.end(request.person_id or "", request.id, rules.redeem, request)

    async def revoked(self, request: AuthRequest) -> bool:
        """Close a request that the registry would not redeem.  Returns whether this call did."""
        now, did_close = self._clock(), False

        def rule(held: AuthRequest) -> AuthRequest:
            nonlocal did_close
            closed = rules.revoke(held, now)
            did_close = closed is not held
            return closed

        ended = await self._requests.end(request.person_id or "", request.id, rule)
        return did_close and ended is not None

    async def _deliver(self, person_id: str, request: AuthRequest, gate: Gate) -> None:
        entry = await self._requests.enlist(person_id, request)
        if not await self._pushing.announce(person_id, entry, gate):
            # Cut off since the client was let in: what looked into the inbox before this request
            # stood there has not ended it.
            await self._requests.revoke(person_id, request.id)

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
            await self._requests.revoke(phone.person.id, request.id)
            raise
        except AuthRequestClosed:
            await self._align(phone.person.id, request)
            raise
        except Refusal:
            await self._requests.change(request.id, lambda held: rules.release(held, answer))
            raise
        settled = await self._settle(phone.person.id, request, answer)
        await self._pushing.answered(phone.person.id, request, answer)
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
            role_code=known.role_code,
        )
        return await self._settle(person_id, request, answer) or request

    async def _settle(
        self, person_id: str, request: AuthRequest, answer: Answer
    ) -> AuthRequest | None:
        """Let the answer take effect that the registry has, and tell the workstation."""
        settled = None
        with contextlib.suppress(NotFound):
            settled = await self._requests.change(
                request.id, lambda held: rules.settle(held, answer), request
            )
        awaits_redemption = settled is not None and settled.status is Status.APPROVED
        rule = inbox_rules.approved if awaits_redemption else inbox_rules.drop
        await self._requests.change_inbox(person_id, lambda inbox: rule(inbox, request.id))
        return settled
