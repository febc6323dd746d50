"""`pairing-server organisation` and `pairing-server client`."""

import json
import re
import secrets
from pathlib import Path
from typing import Any

import click
import jwt
import msgspec

from pairing_server.approvals.fatigue import Gate
from pairing_server.audit.events import (
    ClientRegistered,
    KeyPolicyChanged,
    OrganisationRegistered,
)
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
from pairing_server.oidc.client_auth import MIN_RSA_BITS, is_good_key
from pairing_server.oidc.metadata import CLIENT_ALGORITHMS
from pairing_server.registry import (
    AlreadyExistsError,
    Query,
    Transaction,
    clients,
    notices,
    organisations,
)
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.notices import Notice
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.settings import Settings
from pairing_server.tokens import new_id

_URA = re.compile(r"[0-9]{8}", re.ASCII)


def _ura(_: click.Context, __: click.Parameter, value: Any) -> Any:
    for ura in value if isinstance(value, tuple) else (value,):
        if not _URA.fullmatch(ura):
            raise click.BadParameter("a URA has 8 digits")
    return value


def _jwks(_: click.Context, __: click.Parameter, value: Path) -> dict[str, Any]:
    """Read a public key set of keys that a client can authenticate with."""
    try:
        jwks: dict[str, Any] = json.loads(value.read_text())
        keys = jwt.PyJWKSet.from_dict(jwks).keys
    except (OSError, ValueError, AttributeError, TypeError, jwt.PyJWTError) as error:
        raise click.BadParameter("this is not a JSON Web Key Set (RFC 7517)") from error
    if any("d" in key for key in jwks["keys"]):
        raise click.BadParameter("this holds a private key: keep it, and hand in the public one")
    if not all(is_good_key(key) for key in keys):
        kinds = " or ".join(CLIENT_ALGORITHMS)
        raise click.BadParameter(f"the keys must be for {kinds}, RSA with {MIN_RSA_BITS} bits")
    return jwks


@click.group()
def organisation() -> None:
    """Organisations (URA)."""


@organisation.command("add")
@click.argument("ura", callback=_ura)
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
@click.argument("ura", callback=_ura)
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
@click.argument("ura", callback=_ura)
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


@click.group()
def client() -> None:
    """Clients: workstation software and care information systems."""


@client.command("add")
@click.argument("name")
@click.option("--ura", "uras", multiple=True, required=True, callback=_ura, help="May repeat.")
@click.option(
    "--jwks",
    required=True,
    callback=_jwks,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Its public keys, a JSON Web Key Set.",
)
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="For the code flow.")
@click.option("--code-digits", type=click.IntRange(1, 8), help="Length of the code to type.")
@click.option(
    "--push",
    type=click.Choice([Gate.VOUCHED.value, Gate.KNOWN.value]),
    help="From which workstations it wakes people: all, or where they logged in before.",
)
@with_settings
def client_add(  # noqa: PLR0913, PLR0917  (the options of a command)
    settings: Settings,
    name: str,
    uras: tuple[str, ...],
    jwks: dict[str, Any],
    redirect_uris: tuple[str, ...],
    code_digits: int | None,
    push: str | None,
) -> None:
    """Register a client that serves these organisations; prints its client_id."""
    policy = {"code_digits": code_digits, "push": push}
    added = Client(
        id=new_id(secrets.token_bytes),
        name=name,
        jwks=jwks,
        uras=tuple(sorted(set(uras))),
        redirect_uris=redirect_uris,
        policy={name: value for name, value in policy.items() if value is not None},
        status=ClientStatus.ACTIVE,
        created_at=utc_now(),
    )

    def change(tx: Transaction) -> None:
        for ura in added.uras:
            if organisations.get(tx, ura) is None:
                raise click.ClickException(f"URA {ura} is not registered: add it first.")
        clients.add(tx, added)
        tx.record(ClientRegistered(actor=operator(), object=f"client:{added.id}"))

    async def job() -> None:
        async with changing(settings) as registry:
            await registry.commit(change)

    run(job)
    click.echo(added.id)


@client.command("list")
@with_settings
def client_list(settings: Settings) -> None:
    """List the clients."""

    async def job() -> list[Client]:
        async with registry_only(settings) as registry:
            return await registry.read(clients.list_all)

    for item in run(job):
        push = f"  push {item.policy['push']}" if "push" in item.policy else ""
        click.echo(f"{item.id}  {item.status:8}  {item.name}  URA {', '.join(item.uras)}{push}")
