"""`pairing-server phone`."""

import secrets
from collections.abc import Awaitable, Callable

import click

from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.cli.running import (
    TAKES_ID,
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
from pairing_server.keys.policy import server_policy
from pairing_server.keys.status import PhoneStatusFlow
from pairing_server.ports import Ports
from pairing_server.push.dispatch import Dispatch
from pairing_server.registry import Query, credentials, people
from pairing_server.registry.credentials import Credential
from pairing_server.registry.people import Person
from pairing_server.settings import Settings


@click.group()
def phone() -> None:
    """Phones: what is bound to whom, and the lost one."""


@phone.command("list")
@click.option("--uzi", "uzi_number", help="Only the phones of this UZI number.")
@with_settings
def phone_list(settings: Settings, uzi_number: str | None) -> None:
    """List phones with their last use, which tells whether a lost one was used."""

    def read(tx: Query) -> list[tuple[Credential, Person | None]]:
        phones = [
            (item, people.get_person(tx, item.person_id)) for item in credentials.list_all(tx)
        ]
        return [
            (item, person)
            for item, person in phones
            if uzi_number is None or (person is not None and person.uzi_number == uzi_number)
        ]

    async def job() -> list[tuple[Credential, Person | None]]:
        async with registry_only(settings) as registry:
            return await registry.read(read)

    for item, person in run(job):
        used = wire_time(item.last_used_at) if item.last_used_at else "never used"
        whose = f"{person.name} (UZI {person.uzi_number})" if person else "nobody"
        where = f" at {item.last_used_workstation}" if item.last_used_workstation else ""
        model = f"{item.platform} {item.model}".strip()
        click.echo(f"{item.id}  {item.status:8}  {whose}  {model}  {used}{where}")


@phone.command("block", context_settings=TAKES_ID)
@click.argument("credential_id")
@with_settings
def phone_block(settings: Settings, credential_id: str) -> None:
    """Block a phone: from now on it opens nothing, until it is unblocked."""
    _act(settings, credential_id, lambda flow: flow.block(credential_id, operator()))
    click.echo("Blocked: it opens nothing.")


@phone.command("unblock", context_settings=TAKES_ID)
@click.argument("credential_id")
@with_settings
def phone_unblock(settings: Settings, credential_id: str) -> None:
    """Let a blocked phone work again: only once its holder has it in hand."""
    _act(settings, credential_id, lambda flow: flow.unblock(credential_id, operator()))
    click.echo("Unblocked.")


@phone.command("revoke", context_settings=TAKES_ID)
@click.argument("credential_id")
@with_settings
def phone_revoke(settings: Settings, credential_id: str) -> None:
    """Revoke a phone's key for good: its holder pairs again."""
    _act(settings, credential_id, lambda flow: flow.revoke(credential_id, operator()))
    click.echo("Revoked for good.")


def _act(
    settings: Settings, credential_id: str, act: Callable[[PhoneStatusFlow], Awaitable[None]]
) -> None:
    async def job() -> None:
        async with changing(settings) as registry, live_store(settings) as store:
            rp = RelyingParty(settings.rp_id, settings.webauthn_origins)

            async def cut_off(person_id: str) -> None:
                # Without a server nothing is open; the registry alone decides what a phone opens.
                if store is not None:
                    dispatch = Dispatch(registry, {})
                    ports = Ports(registry, store, utc_now, secrets.token_bytes)
                    policy = server_policy(settings)
                    await ApprovalFlow(ports, dispatch, rp, policy).end_all(person_id)

            flow = PhoneStatusFlow(registry, utc_now, cut_off)
            await act(flow)

    try:
        run(job)
    except NotFound as refusal:
        stop(refusal, f"There is no phone {credential_id}; see `pairing-server phone list`.")
    except Conflict as refusal:
        stop(refusal, f"The phone is {refusal.members['status']} already.")
