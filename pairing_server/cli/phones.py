"""`pairing-server phone`."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import click

from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.cli.running import (
    TAKES_ID,
    Mistake,
    changing,
    live_store,
    operator,
    registry_only,
    run,
    stop,
    with_settings,
)
from pairing_server.clock import utc_now, wire_time
from pairing_server.errors import Conflict, NotFound
from pairing_server.keys.ceremony import RelyingParty
from pairing_server.keys.flow import PhoneFlow
from pairing_server.keys.policy import server_policy
from pairing_server.keys.refusals import NotUnblocked
from pairing_server.keys.status import PhoneStatusFlow
from pairing_server.ports import Ports
from pairing_server.push.dispatch import Dispatch
from pairing_server.registry import Query, credentials, people, push_health
from pairing_server.registry.credentials import Credential
from pairing_server.registry.people import Person
from pairing_server.registry.push_health import PushHealth
from pairing_server.settings import Settings
from pairing_server.store import Store
from pairing_server.xis.ending import ending_all


@click.group()
def phone() -> None:
    """Phones: what is bound to whom, and the lost one."""


@phone.command("list")
@click.option("--uzi", "uzi_number", help="Only the phones of this UZI number.")
@with_settings
def phone_list(settings: Settings, uzi_number: str | None) -> None:
    """List phones with their last use, which tells whether a lost one was used."""

    def read(tx: Query) -> list[str]:
        phones = [
            (item, people.get_person(tx, item.person_id)) for item in credentials.list_all(tx)
        ]
        return [
            _line(item, person, push_health.of(tx, [item.id])[item.id])
            for item, person in phones
            if uzi_number is None or (person is not None and person.uzi_number == uzi_number)
        ]

    async def job() -> list[str]:
        async with registry_only(settings) as registry:
            return await registry.read(read)

    for line in run(job):
        click.echo(line)


def _line(item: Credential, person: Person | None, health: PushHealth) -> str:
    whose = f"{person.name} (UZI {person.uzi_number})" if person else "nobody"
    reason = f" ({item.status_reason})" if item.status_reason else ""
    model = f"{item.platform} {item.device_name}".strip()
    used = wire_time(item.last_used_at) if item.last_used_at else "never used"
    place = ", ".join(filter(None, (item.last_used_workstation, item.last_used_location)))
    where = f" at {place}" if place else ""
    where += f" for URA {item.last_used_ura}" if item.last_used_ura else ""
    until = wire_time(item.expires_at)[:10]
    woken = _woken(item, health)
    status = f"{item.status + reason:8}"
    return f"{item.id}  {status}  {whose}  {model}  until {until}  {used}{where}  {woken}"


def _woken(item: Credential, health: PushHealth) -> str:
    """Say by what the phone is woken, when that last went well, and what went wrong since."""
    told = f"push {item.push_service}" if item.push_service else "no push"
    if health.last_ok_at is not None:
        told += f", well {wire_time(health.last_ok_at)}"
    if not health.is_well and health.last_error_at is not None:
        told += f", failed {wire_time(health.last_error_at)}: {health.last_error}"
    return told


@phone.command("block", context_settings=TAKES_ID)
@click.argument("credential_id")
@with_settings
def phone_block(settings: Settings, credential_id: str) -> None:
    """Block a phone: from now on it opens nothing, until it is unblocked."""
    _act(settings, credential_id, lambda flow: flow.block(credential_id, operator()))
    click.echo("Blocked: it opens nothing.")


@phone.command("unblock", context_settings=TAKES_ID)
@click.argument("credential_id")
@click.option("--no-wait", is_flag=True, help="Print the code alone, and do not wait.")
@with_settings
def phone_unblock(settings: Settings, credential_id: str, no_wait: bool) -> None:  # noqa: FBT001
    """Let a blocked phone work again, together with its holder: they type the code on it."""
    # Imported here: what the server is made of is loaded for this command alone.
    from pairing_server.phones.unblocking import OFFER_LIFETIME, UnblockingFlow  # noqa: PLC0415

    async def job() -> bool:
        async with changing(settings) as registry, _running_store(settings) as store:
            ports = Ports(registry, store, utc_now, secrets.token_bytes)
            flow = UnblockingFlow(ports, *_phone_flows(settings, ports))
            offer = await flow.offer(credential_id, operator())
            if no_wait:
                click.echo(offer.code)
                return True
            click.echo(f"Code: {offer.code}")
            click.echo("Let its holder, whom you see or know, type it on the blocked phone.")
            return await flow.wait(credential_id, OFFER_LIFETIME)

    try:
        is_unblocked = run(job)
    except NotFound as refusal:
        stop(refusal, f"There is no phone {credential_id}; see `pairing-server phone list`.")
    except NotUnblocked as refusal:
        stop(refusal, "Its key may have been copied: revoke it, and let its holder pair again.")
    except Conflict as refusal:
        stop(refusal, f"The phone is {refusal.members['status']}, not blocked.")
    if not is_unblocked:
        raise click.ClickException("Nobody typed the code in time: it is blocked still.")
    if not no_wait:
        click.echo("Unblocked.")


@phone.command("revoke", context_settings=TAKES_ID)
@click.argument("credential_id")
@with_settings
def phone_revoke(settings: Settings, credential_id: str) -> None:
    """Revoke a phone's key for good: its holder pairs again."""
    _act(settings, credential_id, lambda flow: flow.revoke(credential_id, operator()))
    click.echo("Revoked for good.")


@asynccontextmanager
async def _running_store(settings: Settings) -> AsyncIterator[Store]:
    """Open the Store of the running server, which has to hear from the phone.

    Raises:
        Mistake: there is none.
    """
    async with live_store(settings) as store:
        if store is None:
            raise Mistake("no server runs here: start it, for the phone has to confirm")
        yield store


def _phone_flows(settings: Settings, ports: Ports) -> tuple[PhoneFlow, PhoneStatusFlow]:
    rp = RelyingParty(settings.rp_id, settings.webauthn_origins)
    approvals = ApprovalFlow(ports, Dispatch(ports, {}), rp, server_policy(settings))
    statuses = PhoneStatusFlow(ports.registry, ports.clock, ending_all(ports, approvals))
    return PhoneFlow(ports, rp, statuses), statuses


def _act(
    settings: Settings, credential_id: str, act: Callable[[PhoneStatusFlow], Awaitable[None]]
) -> None:
    async def job() -> None:
        async with changing(settings) as registry, live_store(settings) as store:
            if store is None:
                # Without a server nothing is open; the registry alone decides what opens.
                await act(PhoneStatusFlow(registry, utc_now, _nothing_open))
            else:
                ports = Ports(registry, store, utc_now, secrets.token_bytes)
                await act(_phone_flows(settings, ports)[1])

    try:
        run(job)
    except NotFound as refusal:
        stop(refusal, f"There is no phone {credential_id}; see `pairing-server phone list`.")
    except Conflict as refusal:
        stop(refusal, f"The phone is {refusal.members['status']} already.")


async def _nothing_open(person_id: str) -> None:
    _ = person_id
