"""The auth requests in the Store, each person's inbox of them, and who waits for news."""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

from pairing_server.approvals import auth_request as rules
from pairing_server.approvals import inbox as inbox_rules
from pairing_server.approvals.auth_request import AuthRequest, Grant, Status
from pairing_server.approvals.inbox import Entry, Inbox
from pairing_server.clock import Clock
from pairing_server.errors import NotFound
from pairing_server.store import Listener, Store
from pairing_server.store.shelf import Shelf


class OpenRequests:
    """Keeps requests and inboxes in step; every change is signalled to who waits for it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._requests = Shelf(store, "auth-request", AuthRequest)
        self._inboxes = Shelf(store, "inbox", Inbox)

    async def create(self, request: AuthRequest, lifetime: timedelta) -> None:
        """Keep a new request, which stands in no inbox yet."""
        await self._requests.create(request.id, request, lifetime)

    async def delete(self, identifier: str) -> None:
        """Forget a request that was never put into an inbox."""
        await self._requests.delete(identifier)

    async def get(self, identifier: str) -> AuthRequest | None:
        """Return a request, open or not."""
        stored = await self._requests.get(identifier)
        return None if stored is None else stored.value

    async def is_for(self, identifier: str, ura: str) -> bool:
        """Tell whether a request is for this organisation."""
        found = await self.get(identifier)
        return found is not None and found.shown.ura == ura

    async def of_person(self, person_id: str, identifier: str) -> AuthRequest:
        """Return one request of this person, open or not.

        Raises:
            NotFound: unknown, or another person's.
        """
        found = await self.get(identifier)
        if found is None or found.person_id != person_id:
            raise NotFound
        return found

    async def pending(self, person_id: str) -> list[AuthRequest]:
        """Return the person's open requests, newest first."""
        entries = [entry for entry in await self.entries(person_id) if not entry.is_approved]
        now = self._clock()
        found = await asyncio.gather(*(self.get(entry.id) for entry in entries))
        return [each for each in found if each and each.status_at(now) is Status.PENDING]

    async def entries(self, person_id: str) -> tuple[Entry, ...]:
        """Return what stands in a person's inbox, newest first."""
        inbox = await self._inboxes.get(person_id)
        return inbox.value.entries if inbox else ()

    async def put(self, person_id: str, entry: Entry) -> Inbox:
        """Put an entry into the inbox, tell the phones, and return the inbox as it was before.

        Raises:
            TooManyOpen: as many of this client's are open as may be.
        """
        while True:
            stored = await self._inboxes.get(person_id)
            before = stored.value if stored else Inbox()
            after = inbox_rules.put(before, entry, self._clock())
            lifetime = inbox_rules.INBOX_LIFETIME
            if stored is None:
                done = await self._inboxes.create(person_id, after, lifetime)
                if done:
                    await self.signal(person_id)
            else:
                done = await self._inboxes.swap(person_id, stored, after, lifetime, is_news=True)
            if done:
                return before

    async def enlist(self, person_id: str, request: AuthRequest) -> Entry:
        """Put a request on the person's list, end what it supersedes and tell their phones.

        Raises:
            TooManyOpen: as many of this client's are open as may be.
        """
        entry = Entry(request.id, request.client_id, request.workstation_id, request.expires_at)
        before = await self.put(person_id, entry)
        now = self._clock()
        older = [old.id for old in inbox_rules.superseded(before, entry)]
        ended = [each for each in older if await self.supersede(each, now)]
        if ended:
            await self.change_inbox(person_id, lambda inbox: inbox_rules.drop(inbox, *ended))
        return entry

    async def change_inbox(self, person_id: str, rule: Callable[[Inbox], Inbox]) -> None:
        """Change an inbox, and tell the person's phones that wait."""
        if await self._inboxes.change(person_id, rule, is_news=True) is None:
            await self.signal(person_id)

    async def change(
        self,
        identifier: str,
        rule: Callable[[AuthRequest], AuthRequest],
        known: AuthRequest | None = None,
    ) -> AuthRequest:
        """Change a request, and tell the workstation that waits.

        Args:
            known: The request as the caller has it.

        Raises:
            NotFound: there is none.
        """
        changed = await self._requests.change(identifier, rule, known, is_news=True)
        if changed is None:
            raise NotFound
        if changed.grant is Grant.SESSION:
            await self.tell_client(changed.client_id)
        return changed

    async def change_quietly(
        self,
        identifier: str,
        rule: Callable[[AuthRequest], AuthRequest],
        known: AuthRequest | None = None,
    ) -> AuthRequest | None:
        """Change a request in what is no news to the workstation."""
        return await self._requests.change(identifier, rule, known)

    async def end(
        self,
        person_id: str,
        identifier: str,
        rule: Callable[[AuthRequest], AuthRequest],
        known: AuthRequest | None = None,
    ) -> AuthRequest | None:
        """End a request, and take it out of the inbox.  Returns it, if there is one."""
        ended = None
        with contextlib.suppress(NotFound):
            ended = await self.change(identifier, rule, known)
        await self.change_inbox(person_id, lambda inbox: inbox_rules.drop(inbox, identifier))
        return ended

    async def revoke(self, person_id: str, identifier: str) -> None:
        """End a request whose person's phone was cut off."""
        now = self._clock()
        await self.end(person_id, identifier, lambda held: rules.revoke(held, now))

    async def supersede(self, identifier: str, now: datetime) -> bool:
        """End an older request unless it has been answered.  Returns whether it is over."""
        try:
            held = await self.change(identifier, lambda held: rules.supersede(held, now))
        except NotFound:
            return True
        return held.status not in (Status.CLAIMED, Status.APPROVED)

    async def signal(self, person_id: str) -> None:
        """Tell the person's phones that wait that their list is another one."""
        await self._store.signal(self._inboxes.key(person_id))

    async def tell_client(self, client_id: str) -> None:
        """Tell who reads a client's events that there may be some."""
        await self._store.signal(_client_channel(client_id))

    def listen_for_client(self, client_id: str) -> AbstractAsyncContextManager[Listener]:
        """Hear when there may be events of a client."""
        return self._store.listen(_client_channel(client_id))

    def listen_to_inbox(self, person_id: str) -> AbstractAsyncContextManager[Listener]:
        """Hear when a person's list is another one."""
        return self._store.listen(self._inboxes.key(person_id))

    def listen_to(self, identifier: str) -> AbstractAsyncContextManager[Listener]:
        """Hear when a request has changed."""
        return self._store.listen(self._requests.key(identifier))


def _client_channel(client_id: str) -> str:
    return f"client:{client_id}"
