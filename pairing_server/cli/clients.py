"""`pairing-server client`."""

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import msgspec

from admin.access import of_machines
from pairing_server.approvals.fatigue import Gate
from pairing_server.audit.events import ClientChanged, ClientRegistered
from pairing_server.cli.parties import check_ura
from pairing_server.cli.running import (
    TAKES_ID,
    changing,
    operator,
    registry_only,
    run,
    with_settings,
)
from pairing_server.clock import utc_now, wire_time
from pairing_server.oidc import client_policy
from pairing_server.oidc.client_keys import check_key_set
from pairing_server.oidc.client_policy import MachineScope
from pairing_server.registry import Transaction, client_metadata, clients, organisations
from pairing_server.registry.client_metadata import (
    LOGIN_GRANTS,
    AuthMethod,
    GrantType,
    check_redirect,
)
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.settings import Settings
from pairing_server.tokens import new_id


def _json_file(_: click.Context, __: click.Parameter, value: Path | None) -> Any:
    if value is None:
        return None
    try:
        return json.loads(value.read_text())
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"this is no file of JSON: {error}") from error


def _file_option(name: str, words: str) -> Callable[..., Any]:
    path = click.Path(dir_okay=False, path_type=Path)
    return click.option(name, callback=_json_file, type=path, help=words)


def _described(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say what a client is."""
    for option in (
        click.option(
            "--redirect-uri", "redirect_uris", multiple=True, help="For the code flow; may repeat."
        ),
        _file_option("--policy", "JSON of what is agreed with it; {} for nothing."),
        _file_option("--metadata", "JSON with the names of RFC 7591; {} for nothing."),
        _file_option("--jwks", "Its public keys, a JSON Web Key Set."),
    ):
        command = option(command)
    return command


@click.group()
def client() -> None:
    """Clients: workstation software and care information systems."""


@client.command("add")
@click.argument("name")
@click.option(
    "--ura", "uras", multiple=True, required=True, callback=check_ura, help="May repeat."
)
@_described
@click.option("--code-digits", type=click.IntRange(1, 8), help="Length of the code to type.")
@click.option(
    "--push",
    type=click.Choice([Gate.VOUCHED.value, Gate.KNOWN.value]),
    help="From which workstations it wakes people: all, or where they logged in before.",
)
@click.option(
    "--admin-act",
    "admin_acts",
    multiple=True,
    type=click.Choice(of_machines()),
    help="For a program that administers its organisations: what it may do; may repeat.",
)
@with_settings
def client_add(
    settings: Settings,
    name: str,
    uras: tuple[str, ...],
    code_digits: int | None,
    push: str | None,
    admin_acts: tuple[str, ...],
    **given: Any,
) -> None:
    """Register a client that serves these organisations; prints its client_id."""
    bare = Client(
        id=new_id(secrets.token_bytes),
        name=name,
        jwks={},
        uras=tuple(sorted(set(uras))),
        redirect_uris=(),
        policy={},
        status=ClientStatus.ACTIVE,
        created_at=utc_now(),
    )
    added = _with(bare, **given)
    named = {"code_digits": code_digits, "push": push}
    agreed = {member: value for member, value in named.items() if value is not None}
    added = replace(added, policy={**added.policy, **agreed})
    if admin_acts:
        added = _administering(added, admin_acts)
    _check(added)

    def change(tx: Transaction) -> None:
        _check_organisations(tx, added)
        clients.add(tx, added)
        tx.record(
            ClientRegistered(
                actor=operator(), object=f"client:{added.id}", evidence=_description(added)
            )
        )

    async def job() -> None:
        async with changing(settings) as registry:
            await registry.commit(change)

    run(job)
    click.echo(added.id)


@client.command("set", context_settings=TAKES_ID)
@click.argument("client_id")
@click.option("--name")
@click.option("--ura", "uras", multiple=True, callback=check_ura, help="All of them, repeated.")
@_described
@click.option("--status", type=click.Choice([status.value for status in ClientStatus]))
@with_settings
def client_set(
    settings: Settings,
    client_id: str,
    name: str | None,
    uras: tuple[str, ...],
    status: str | None,
    **given: Any,
) -> None:
    """Change a client: what is given replaces what was there, and the rest stays.

    A client that is closed is answered no more, from the next call on.
    """

    def change(tx: Transaction) -> Client | None:
        found = clients.get_for_update(tx, client_id)
        if found is None:
            return None
        changed = replace(
            found,
            name=name or found.name,
            uras=tuple(sorted(set(uras))) or found.uras,
            status=ClientStatus(status or found.status),
        )
        changed = _with(changed, **given)
        _check(changed)
        _check_organisations(tx, changed)
        clients.update(tx, changed)
        tx.record(
            ClientChanged(
                actor=operator(), object=f"client:{client_id}", evidence=_description(changed)
            )
        )
        return changed

    async def job() -> Client | None:
        async with changing(settings) as registry:
            return await registry.commit(change)

    _show(run(job), client_id)


@client.command("show", context_settings=TAKES_ID)
@click.argument("client_id")
@with_settings
def client_show(settings: Settings, client_id: str) -> None:
    """Show a client as JSON: what it is registered with, and what is agreed with it."""

    async def job() -> Client | None:
        async with registry_only(settings) as registry:
            return await registry.read(lambda tx: clients.get(tx, client_id))

    _show(run(job), client_id)


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


def _with(
    found: Client, *, jwks: Any, metadata: Any, policy: Any, redirect_uris: tuple[str, ...]
) -> Client:
    """Return the client with what was given in the place of what it had."""
    try:
        described = found.metadata if metadata is None else client_metadata.read(metadata)
    except ValueError as error:
        raise _bad("--metadata", error) from error
    return replace(
        found,
        jwks=found.jwks if jwks is None else jwks,
        metadata=described,
        policy=found.policy if policy is None else policy,
        redirect_uris=redirect_uris or found.redirect_uris,
    )


def _administering(made: Client, admin_acts: tuple[str, ...]) -> Client:
    """Return a client that administers by itself: in which nobody logs in, unless it says so."""
    metadata = made.metadata
    if metadata.grant_types == LOGIN_GRANTS:
        metadata = msgspec.structs.replace(metadata, grant_types=(GrantType.CLIENT_CREDENTIALS,))
    scopes = [*made.policy.get("machine_scopes", ()), MachineScope.ADMIN.value]
    agreed = {"machine_scopes": list(dict.fromkeys(scopes)), "admin_acts": list(admin_acts)}
    return replace(made, metadata=metadata, policy={**made.policy, **agreed})


def _check(made: Client) -> None:
    """Check that all of it goes together."""
    try:
        policy = client_policy.read(made.policy)
    except ValueError as error:
        raise _bad("--policy", error) from error
    unknown = set(policy.admin_acts) - set(of_machines())
    if unknown:
        raise _bad("--policy", f"admin_acts takes any of {', '.join(of_machines())}")
    try:
        for uri in made.redirect_uris:
            check_redirect("--redirect-uri", uri)
    except ValueError as error:
        raise _bad("--redirect-uri", error) from error
    by_certificate = made.metadata.token_endpoint_auth_method is AuthMethod.TLS_CLIENT_AUTH
    if made.jwks:
        try:
            check_key_set(made.jwks, policy.algorithms)
        except ValueError as error:
            raise _bad("--jwks", error) from error
    elif not by_certificate and not made.metadata.jwks_uri:
        raise _bad("--jwks", "give its keys, or a jwks_uri or tls_client_auth in --metadata")


def _bad(option: str, error: ValueError | str) -> click.BadParameter:
    return click.BadParameter(str(error), param_hint=f"'{option}'")


def _check_organisations(tx: Transaction, made: Client) -> None:
    for ura in made.uras:
        if organisations.get(tx, ura) is None:
            raise click.ClickException(f"URA {ura} is not registered: add it first.")


def _description(made: Client) -> dict[str, Any]:
    """Return what is public of a client, as JSON values; nothing of a client is secret."""
    return {
        "client_name": made.name,
        "uras": list(made.uras),
        "jwks": made.jwks,
        "redirect_uris": list(made.redirect_uris),
        "metadata": msgspec.to_builtins(made.metadata),
        "policy": made.policy,
        "status": made.status.value,
    }


def _show(found: Client | None, client_id: str) -> None:
    if found is None:
        raise click.ClickException(f"There is no client {client_id}: see `client list`.")
    told = {
        "client_id": found.id,
        **_description(found),
        "created_at": wire_time(found.created_at),
    }
    click.echo(json.dumps(told, indent=2, ensure_ascii=False))
