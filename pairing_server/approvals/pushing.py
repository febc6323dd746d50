"""Whether a request wakes its person's phones, and what takes the notice off them again."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from pairing_server.approvals import fatigue as rules
from pairing_server.approvals import inbox as inbox_rules
from pairing_server.approvals.auth_request import Answer, AuthRequest, Decision, is_nobody
from pairing_server.approvals.expiries import Expiries
from pairing_server.approvals.fatigue import Gate, Judged, Knock, Pressure, Verdict
from pairing_server.approvals.inbox import Entry
from pairing_server.metrics import PUSHES_WITHHELD
from pairing_server.ports import Ports
from pairing_server.push import Wakeup, WakeupKind
from pairing_server.push.dispatch import Dispatch, active_phones
from pairing_server.registry import Query, person_workstations
from pairing_server.registry.credentials import Credential
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest

#: A phone that was off for longer has nothing to show any more.
WITHDRAW_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Found:
    phones: list[Credential]
    is_known: bool
    is_closed: bool


class Pushing:
    """Wakes, or withholds the push; and withdraws.

    Attributes:
        expiries: What has to run for the notices of requests that nobody answers.
    """

    def __init__(self, ports: Ports, dispatch: Dispatch) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._dispatch = dispatch
        self._pressures = Shelf(ports.store, "pressure", Pressure)
        self.expiries = Expiries(ports.clock, self.ended)

    async def announce(self, person_id: str, request: Entry, gate: Gate) -> bool:
        """Wake the person's phones, if that may be.  Returns whether there is one to answer."""
        now = self._clock()
        found = await self._registry.read(lambda tx: self._find(tx, person_id, request))
        if not found.phones and not is_nobody(person_id):
            return False
        barred = rules.bar(gate, is_known=found.is_known, is_closed=found.is_closed)
        knock = Knock(request.id, request.workstation_id, found.is_known, barred)
        judged = Judged(Pressure(), Verdict.PUSH)

        def rule(pressure: Pressure) -> Pressure:
            nonlocal judged
            judged = rules.judge(pressure, knock, now)
            return judged.pressure

        await self._change(person_id, request.client_id, rule)
        if judged.verdict is Verdict.PUSH:
            self._dispatch.wake(found.phones, self._wakeup(person_id, request))
            self.expiries.add(person_id, request)
        else:
            PUSHES_WITHHELD.labels(judged.verdict).inc()
        for older in judged.withdrawn:
            self._withdraw(found.phones, person_id, replace(request, id=older))
        return True

    async def answered(self, person_id: str, answered: AuthRequest, answer: Answer) -> None:
        """Count an answer, and take the notice off the phones that did not give it."""
        request = Entry(
            answered.id, answered.client_id, answered.workstation_id, answered.expires_at
        )
        now, place = self._clock(), request.workstation_id

        def rule(pressure: Pressure) -> Pressure:
            if answer.decision is Decision.APPROVE:
                return rules.approved(pressure, request.id, place)
            return rules.denied(pressure, request.id, place, now)

        await self._forget(person_id, request, rule, answer.credential_id)

    async def ended(self, person_id: str, request: Entry) -> None:
        """Take the notice of a request that nobody can answer any more off the phones."""
        place = request.workstation_id
        await self._forget(
            person_id, request, lambda pressure: rules.ended(pressure, request.id, place)
        )

    async def opened(self, person_id: str, client_id: str, workstation_id: str) -> None:
        """Let a workstation wake the person again at once, who wants it to."""
        await self._change(
            person_id, client_id, lambda pressure: rules.opened(pressure, workstation_id)
        )

    async def _forget(
        self,
        person_id: str,
        request: Entry,
        rule: Callable[[Pressure], Pressure],
        answered_by: str | None = None,
    ) -> None:
        self.expiries.forget(request.id)
        had_notice = False

        def forget(pressure: Pressure) -> Pressure:
            nonlocal had_notice
            had_notice = rules.has_notice(pressure, request.id, request.workstation_id)
            return rule(pressure)

        await self._change(person_id, request.client_id, forget)
        if not had_notice:
            return
        now = self._clock()
        phones = await self._registry.read(lambda tx: active_phones(tx, person_id, now))
        others = [phone for phone in phones if phone.id != answered_by]
        self._withdraw(others, person_id, request)

    async def _change(
        self, person_id: str, client_id: str, rule: Callable[[Pressure], Pressure]
    ) -> None:
        """Change what a client has put on a person; one atomic step, whoever else acts."""
        key = digest(f"{person_id}\n{client_id}")
        # Nobody's pushes go nowhere, and of nobody there is no end.
        lasts = inbox_rules.INBOX_LIFETIME if is_nobody(person_id) else rules.REMEMBERED_FOR
        while True:
            stored = await self._pressures.get(key)
            before = Pressure() if stored is None else stored.value
            after = rule(before)
            if after == before:
                return
            if stored is None:
                done = await self._pressures.create(key, after, lasts)
            else:
                done = await self._pressures.swap(key, stored, after, lasts)
            if done:
                return

    def _find(self, tx: Query, person_id: str, request: Entry) -> _Found:
        phones = active_phones(tx, person_id, self._clock())
        there = person_workstations.get(tx, person_id, request.client_id, request.workstation_id)
        return _Found(
            phones,
            is_known=there is not None and there.is_known,
            is_closed=there is not None and there.push_closed_at is not None,
        )

    def _withdraw(self, phones: list[Credential], person_id: str, request: Entry) -> None:
        until = self._clock() + WITHDRAW_FOR
        wakeup = self._wakeup(person_id, request)
        self._dispatch.wake(phones, replace(wakeup, kind=WakeupKind.WITHDRAWN, expires_at=until))

    def _wakeup(self, person_id: str, request: Entry) -> Wakeup:
        return Wakeup(request.id, request.expires_at, tag=inbox_rules.tag_of(person_id, request))
