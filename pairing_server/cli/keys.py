"""`pairing-server keys`."""

import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeVar

import click

from pairing_server.cli.running import (
    changing,
    operator,
    registry_only,
    run,
    signing_keys,
    stop,
    with_settings,
)
from pairing_server.clock import wire_time
from pairing_server.keys.seal import make_seal_key
from pairing_server.keys.signing import SigningKey, SigningKeys, TooEarlyError
from pairing_server.registry import AlreadyExistsError, Registry
from pairing_server.settings import Settings

T = TypeVar("T")


@click.group()
def keys() -> None:
    """The server's signing keys."""


@keys.command("list")
@with_settings
def keys_list(settings: Settings) -> None:
    """List the signing keys, oldest first."""
    for key in _with_keys(settings, lambda signing: signing.all()):
        retired = f"  retired {wire_time(key.retired_at)}" if key.retired_at else ""
        made = wire_time(key.created_at)
        click.echo(f"{key.kid}  {key.algorithm}  {key.state:7}  made {made}{retired}")


@keys.command("rotate")
@click.option(
    "--compromised",
    is_flag=True,
    help="The current key is known to others: unpublish it at once, though what it signed in the "
    "last five minutes then no longer verifies.",
)
@with_settings
def keys_rotate(settings: Settings, compromised: bool) -> None:  # noqa: FBT001
    """Let the next key sign from now on; no verification fails in between."""

    async def rotate(signing: SigningKeys) -> SigningKey:
        return await signing.rotate(operator(), compromised=compromised)

    try:
        key = _with_keys(settings, rotate, changing)
    except TooEarlyError as error:
        raise click.ClickException(
            f"The next key has not been published for long enough: rotate after "
            f"{wire_time(error.args[0])}, or say --compromised."
        ) from error
    except AlreadyExistsError as error:
        stop(error, "Another rotation was faster; see `pairing-server keys list`.")
    click.echo(f"{key.kid} signs from now on.")


@keys.command("jwks")
@with_settings
def keys_jwks(settings: Settings) -> None:
    """Print the public keys, retired ones included: what verifies the audit log elsewhere."""
    public = _with_keys(settings, lambda signing: signing.authentic_jwks())
    click.echo(json.dumps({"keys": public}, indent=2))


@keys.command("new-seal-key")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def keys_new_seal_key(file: Path) -> None:
    """Make a seal key for PAIRING_SEAL_KEY_FILE; never replaces one."""
    if file.exists():
        raise click.ClickException(f"{file} is there already.")
    make_seal_key(file, secrets.token_bytes)
    click.echo(f"Made {file}. Keep a copy where the database is not: without it no key opens.")


def _with_keys(
    settings: Settings,
    use: Callable[[SigningKeys], Awaitable[T]],
    opened: Callable[[Settings], AbstractAsyncContextManager[Registry]] = registry_only,
) -> T:
    async def job() -> T:
        async with opened(settings) as registry:
            signing = await signing_keys(settings, registry)
            await signing.prepare()
            return await use(signing)

    return run(job)
