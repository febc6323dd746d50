"""How every command starts: settings read, loop run, known mistakes told in words."""

import asyncio
import os
import pwd
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
import uvloop

from pairing_server.audit.checkpoint import Checkpoints
from pairing_server.clock import utc_now
from pairing_server.errors import Refusal
from pairing_server.keys.seal import SealError
from pairing_server.keys.signing import SigningKeys
from pairing_server.registry import AlreadyExistsError, Registry, RegistryUnavailableError
from pairing_server.registry.database import open_registry
from pairing_server.settings import PREFIX, Settings, SettingsError, load
from pairing_server.store import Store, StoreUnavailableError
from pairing_server.store.embedded import EmbeddedStoreError, read_socket_url
from pairing_server.store.redis_store import RedisStore

T = TypeVar("T")

#: The audit chain of commands, apart from the servers' own.
CLI_CHAIN = "cli"

#: For a command that takes an identifier: every 64th begins with a hyphen, some of those with -h.
TAKES_ID: Any = {"ignore_unknown_options": True, "help_option_names": ["--help"]}


class Mistake(click.ClickException):
    """Something that the operator can put right; exit status 2, as for wrong usage."""

    exit_code = 2


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command its settings, with `--config`."""

    @click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        help="A TOML file with settings.",
    )
    @wraps(command)
    def wrapped(config: Path | None, *args: Any, **kwargs: Any) -> Any:
        return command(settings_or_stop(config), *args, **kwargs)

    return wrapped


def settings_or_stop(
    config: Path | None, environ: Mapping[str, str] | None = None, **overrides: Any
) -> Settings:
    """Read the settings, or tell every mistake at once and stop."""
    try:
        return load(environ, config, **overrides)
    except SettingsError as error:
        raise _wrong_settings(error) from error


def _wrong_settings(error: SettingsError) -> Mistake:
    return Mistake("these settings are wrong:\n- " + "\n- ".join(error.mistakes))


def run(job: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a job on a loop of its own, and tell what an operator can put right in words."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(job())
    except (RegistryUnavailableError, StoreUnavailableError) as error:
        raise Mistake(f"{error}; run `pairing-server check`.") from error
    except (EmbeddedStoreError, SealError) as error:
        raise Mistake(str(error)) from error
    except SettingsError as error:
        raise _wrong_settings(error) from error
    except OSError as error:
        raise Mistake(f"{error.strerror or 'failed'}: {error.filename or ''}") from error


@asynccontextmanager
async def registry_only(settings: Settings) -> AsyncIterator[Registry]:
    """Open the registry beside a running server, or without one; never make one.

    Raises:
        Mistake: there is none.
        RegistryUnavailableError: it does not answer, or has another schema.
    """
    directory = settings.data_dir.absolute()
    # Not made here: a mistyped directory would be an empty registry, with nothing wrong in it.
    if settings.database_url is None and not (directory / "registry.sqlite3").exists():
        raise Mistake(
            f"there is no registry in {directory}: "
            f"set {PREFIX}DATA_DIR, or run `pairing-server db upgrade` to make one"
        )
    registry = open_registry(settings.registry_url, chain=CLI_CHAIN, clock=utc_now)
    try:
        await registry.ping()
        yield registry
    finally:
        await registry.close()


@asynccontextmanager
async def changing(settings: Settings) -> AsyncIterator[Registry]:
    """Open the registry for an act, and sign a checkpoint when it has been done.

    Until there is one that names it, who holds the database can take the act out of the log.
    """
    async with registry_only(settings) as registry:
        try:
            yield registry
        except StoreUnavailableError:
            # What the registry has committed stands, whatever could not be told to the Store.
            await sign_checkpoint(settings, registry)
            raise
        await sign_checkpoint(settings, registry)


async def sign_checkpoint(settings: Settings, registry: Registry) -> None:
    """Sign a checkpoint, or warn that there is none: what was done stands."""
    try:
        signing = await signing_keys(settings, registry)
        await signing.prepare()
        await Checkpoints(registry, signing, utc_now).make()
    except (SealError, RegistryUnavailableError, OSError) as error:
        click.echo(f"Warning: this is done, but no checkpoint vouches for it: {error}", err=True)


async def signing_keys(settings: Settings, registry: Registry) -> SigningKeys:
    """Return the signing keys of a registry."""
    # Imported here: what the server is made of is loaded when a phone has been blocked already.
    from pairing_server.app import open_seal  # noqa: PLC0415

    seal = await open_seal(settings, registry, secrets.token_bytes)
    return SigningKeys(registry, seal, utc_now, secrets.token_bytes)


@asynccontextmanager
async def live_store(settings: Settings) -> AsyncIterator[Store | None]:
    """Open the Store of the running server; `None` when there is no embedded one running."""
    url = (
        settings.redis_url.get_secret_value()
        if settings.redis_url is not None
        else read_socket_url(settings.data_dir)
    )
    if url is None:
        yield None
        return
    store = RedisStore(url)
    try:
        yield store
    finally:
        await store.close()


def operator() -> str:
    """Name who runs the command, for the audit log.

    By the user that the process runs as, since the environment says what its owner wants it to.
    """
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return f"operator:{name}"


def stop(refusal: Refusal | AlreadyExistsError, words: str) -> NoReturn:
    """Tell a refusal in words and stop."""
    raise click.ClickException(words) from refusal
