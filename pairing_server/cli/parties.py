"""`pairing-server organisation`."""

import json
import re
from pathlib import Path
from typing import Any

import click
import msgspec

from pairing_server.audit.events import KeyPolicyChanged, OrganisationRegistered
from pairing_server.cli.running import (
    changing,
    operator,
    registry_only,
    run,
    stop,
    with_settings,
)
from pairing_server.clock import utc_now, wire_time
from pairing_server.keys.policy import server_policy, with_changes
from pairing_server.registry import (
    AlreadyExistsError,
    Query,
    Transaction,
    notices,
    organisations,
)
from pairing_server.registry.notices import Notice
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.settings import Settings

_URA = re.compile(r"[0-9]{8}", re.ASCII)


def check_ura(_: click.Context, __: click.Parameter, value: Any) -> Any:
    """Check an argument or the values of an option."""
    for ura in value if isinstance(value, tuple) else (value,):
        if not _URA.fullmatch(ura):
            raise click.BadParameter("a URA has 8 digits")
    return value


@click.group()
def organisation() -> None:
    """Organisations (URA)."""


@organisation.command("add")
@click.argument("ura", callback=check_ura)
@click.argument("name")
@with_settings
def organisation_add(settings: Settings, ura: str, name: str) -> None:
    """Register an organisation by hand; a card holder can do it too."""
    added = Organisation(
        ura=ura, name=name, status=OrganisationStatus.ACTIVE, registered_at=utc_now()
    )

    def change(tx: Transaction) -> None:
        organisations.add(tx, added)
        tx.record(OrganisationRegistered(actor=operator(), object=f"organisation:{ura}", ura=ura))

    async def job() -> None:
        async with changing(settings) as registry:
            await registry.commit(change)

    try:
        run(job)
    except AlreadyExistsError as error:
        stop(error, f"URA {ura} is registered already.")
    click.echo(f"Registered {name} (URA {ura}).")


@organisation.command("list")
@with_settings
def organisation_list(settings: Settings) -> None:
    """List the organisations."""

    async def job() -> list[Organisation]:
        async with registry_only(settings) as registry:
            return await registry.read(organisations.list_all)

    for item in run(job):
        click.echo(f"{item.ura}  {item.status:8}  {item.name}")


@organisation.command("policy")
@click.argument("ura", callback=check_ura)
@click.option(
    "--file",
    "policy_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON of what this organisation has otherwise than the server; {} for nothing.",
)
@with_settings
def organisation_policy(settings: Settings, ura: str, policy_file: Path | None) -> None:
    """Show which phones' keys an organisation takes, and what they earn; or set it."""
    server = server_policy(settings)
    try:
        changes: dict[str, Any] | None = (
            None if policy_file is None else json.loads(policy_file.read_text())
        )
        with_changes(server, changes or {})
    except ValueError as error:
        raise click.BadParameter(f"this is no policy: {error}", param_hint="--file") from error

    def change(tx: Transaction) -> None:
        organisations.set_key_policy(tx, ura, changes or {})
        tx.record(
            KeyPolicyChanged(
                actor=operator(), object=f"organisation:{ura}", ura=ura, evidence=changes or {}
            )
        )

    async def job() -> Organisation | None:
        async with registry_only(settings) as registry:
            found = await registry.read(lambda tx: organisations.get(tx, ura))
        if changes is None or found is None:
            return found
        async with changing(settings) as registry:
            await registry.commit(change)
            return await registry.read(lambda tx: organisations.get(tx, ura))

    found = run(job)
    if found is None:
        raise click.ClickException(f"URA {ura} is not registered.")
    policy = with_changes(server, found.key_policy)
    click.echo(msgspec.json.format(msgspec.json.encode(policy)).decode())


@organisation.command("notices")
@click.argument("ura", callback=check_ura)
@with_settings
def organisation_notices(settings: Settings, ura: str) -> None:
    """List what an organisation was told, newest first."""

    def read(tx: Query) -> list[Notice]:
        if organisations.get(tx, ura) is None:
            raise click.ClickException(f"URA {ura} is not registered.")
        return notices.of_organisation(tx, ura)

    async def job() -> list[Notice]:
        async with registry_only(settings) as registry:
            return await registry.read(read)

    for item in run(job):
        state = f"read by {item.read_by}" if item.read_by else "unread"
        subject = json.dumps(item.subject, ensure_ascii=False)
        click.echo(f"{wire_time(item.at)}  {item.kind}  {state}  {subject}")
