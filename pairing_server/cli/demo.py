"""`pairing-server demo`: the whole main job on embedded stores, then a server to play with."""

import asyncio
import contextlib
import json
import os
import secrets
import shlex
import socket
import sys
import sysconfig
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from clients.card_profile import Holder
from clients.main_job import Scene, play
from clients.test_ca import UziTestCa
from pairing_server import logs
from pairing_server.app import Stores, Surroundings, open_stores, running
from pairing_server.audit.events import ClientRegistered
from pairing_server.cli.demo_push import Waking, waking
from pairing_server.cli.running import Mistake, run, settings_or_stop
from pairing_server.cli.serve import stop_event
from pairing_server.clock import utc_now
from pairing_server.registry import Transaction, clients
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.settings import PREFIX, Settings
from pairing_server.tokens import new_id

DEFAULT_PORT = 8080
REDIRECT_URI = "http://localhost:8400/callback"
CLIENT_NAME = "Demo HIS"
NEW_LIST_EVERY_SECONDS = 3600
#: A PIN has to be told to the reader of `demo.json`; this one guards a test card only.
CARD_PIN = "123456"
DATE_OF_BIRTH = "1980-01-31"


@dataclass(frozen=True)
class Files:
    """What the demo makes in its data directory."""

    data_dir: Path

    @property
    def card(self) -> Path:
        """The card: authentication certificate, key and chain in PKCS#12."""
        return self.data_dir / "card.p12"

    @property
    def root(self) -> Path:
        """The root certificate of the test UZI-register."""
        return self.data_dir / "uzi-test-root.pem"

    @property
    def crl_dir(self) -> Path:
        """The revocation lists of the test UZI-register."""
        return self.data_dir / "crl"

    @property
    def client_key(self) -> Path:
        """The demo client's private key."""
        return self.data_dir / "client.pem"

    @property
    def push_dir(self) -> Path:
        """What the push simulator is spoken to by."""
        return self.data_dir / "push"

    @property
    def config(self) -> Path:
        """The settings for commands beside the demo."""
        return self.data_dir / "demo.toml"

    @property
    def description(self) -> Path:
        """What an outside program needs to know."""
        return self.data_dir / "demo.json"


@click.command()
@click.option("--once", is_flag=True, help="Play once and exit 0 instead of serving on.")
@click.option("--port", type=click.IntRange(0, 65535), help="0 takes a free one.  [default: 8080]")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data/demo"),
    show_default=True,
)
@click.option("--base-url", help="https://… of a proxy before this server, for real phones.")
@click.option(
    "--push-simulator",
    "simulate",
    is_flag=True,
    help="Wake phones through APNs, FCM and Web Push on loopback, with a page that shows it.",
)
def demo(
    once: bool,  # noqa: FBT001
    port: int | None,
    data_dir: Path,
    base_url: str | None,
    simulate: bool,  # noqa: FBT001
) -> None:
    """Play the main job end to end: card, pairing, login, block; then keep serving.

    Everything it uses is made on the spot: a test UZI-register, a card, the stores.
    """
    data_dir = data_dir.absolute()
    if port is None:
        port = DEFAULT_PORT
    if port == 0:
        port = _free_port()
    files = Files(data_dir)
    overrides: dict[str, Any] = {
        "base_url": base_url or f"http://localhost:{port}",
        "port": port,
        "data_dir": data_dir,
        "uzi_environment": "test",
        "uzi_anchors": (files.root,),
        "uzi_crl_dir": files.crl_dir,
        "synced_acr": "substantial",
        "log_level": "warning",
        "log_format": "console",
    }
    run(lambda: _demo(overrides, files, once=once, simulate=simulate))


async def _demo(overrides: dict[str, Any], files: Files, *, once: bool, simulate: bool) -> None:
    stopped = stop_event()
    began = time.perf_counter()
    files.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.description.unlink(missing_ok=True)
    ca, holder = await asyncio.to_thread(_make_register, files)
    _say("test UZI-register and card made", time.perf_counter() - began)
    async with waking(simulate=simulate, directory=files.push_dir, write=_push_line) as push:
        settings = settings_or_stop(None, environ={}, **overrides, **push.settings)
        logs.configure(settings.log_level, settings.log_format)
        _write_config(settings, files, push)
        opening = time.perf_counter()
        async with (
            open_stores(settings) as stores,
            _port_explained(settings),
            running(settings, stores, Surroundings(senders=push.senders)),
            _fresh_lists(ca, holder, files),
        ):
            _say("server started on its own Valkey and SQLite", time.perf_counter() - opening)
            client_id = await _play(settings, files, holder, stores, push, stopped)
            if client_id is None:
                return
            description = _describe(settings, files, holder, client_id)
            click.echo(f"\nThe main job is done, in {time.perf_counter() - began:.1f} s.")
            if once:
                return
            click.echo(_urls(settings, files, description, push.page))
            click.echo(_what_next(settings, files))
            await stopped.wait()
            click.echo("Draining.")


async def _play(
    settings: Settings,
    files: Files,
    holder: Holder,
    stores: Stores,
    push: Waking,
    stopped: asyncio.Event,
) -> str | None:
    """Play the main job; returns the client's id, or `None` when stopped in the middle."""
    client_ids: list[str] = []

    async def register_client() -> str:
        client_ids.append(await _register_client(stores, files, holder.ura))
        return client_ids[0]

    scene = Scene(
        # The play runs beside the server, whatever proxy the phones of the audience go through.
        base_url=settings.base_url,
        card_file=files.card,
        card_pin=CARD_PIN,
        date_of_birth=DATE_OF_BIRTH,
        register_client=register_client,
        client_key_file=files.client_key,
        ura=holder.ura,
        uzi_number=holder.uzi_number,
        block=lambda credential_id: _operator(settings, "block", credential_id),
        unblock=lambda credential_id: _operator(settings, "unblock", "--no-wait", credential_id),
        woken=push.woken,
        say=_say,
        show=click.echo,
    )
    playing = asyncio.create_task(play(scene))
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait((playing, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not playing.done():
        playing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await playing
        return None
    played = playing.result()
    claims = json.dumps(played.login.claims.all, indent=2, ensure_ascii=False)
    click.echo(f"\nThe assertion that the workstation verified:\n{claims}")
    return client_ids[0]


async def _operator(settings: Settings, *act: str) -> str:
    """Run the operator's own command, as an operator would, and return what it prints."""
    *words, credential_id = act
    environ = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environ |= {
        PREFIX + "DATA_DIR": str(settings.data_dir),
        PREFIX + "BASE_URL": settings.base_url,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pairing_server", "phone", *words, "--", credential_id),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise Mistake(f"pairing-server phone {words[0]} failed: {output.decode().strip()}")
    return output.decode().strip()


async def _register_client(stores: Stores, files: Files, ura: str) -> str:
    """Register a client with a new key, as `pairing-server client add` does."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write_private(files.client_key, pem)
    jwk = {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "alg": "ES256", "use": "sig"}
    client = Client(
        id=new_id(secrets.token_bytes),
        name=CLIENT_NAME,
        jwks={"keys": [jwk]},
        uras=(ura,),
        redirect_uris=(REDIRECT_URI,),
        policy={},
        status=ClientStatus.ACTIVE,
        created_at=utc_now(),
    )

    def change(tx: Transaction) -> None:
        clients.add(tx, client)
        tx.record(ClientRegistered(actor="operator:demo", object=f"client:{client.id}"))

    await stores.registry.commit(change)
    return client.id


def _make_register(files: Files) -> tuple[UziTestCa, Holder]:
    """Make a test UZI-register and a card; what an earlier demo left is replaced."""
    now, holder = utc_now(), Holder()
    ca = UziTestCa.create(now)
    card = ca.issue(holder, now)
    ca.write_root(files.root)
    files.card.unlink(missing_ok=True)
    card.authentication.write_pkcs12(files.card, CARD_PIN)
    files.crl_dir.mkdir(exist_ok=True)
    _write_lists(ca, holder, files)
    return ca, holder


def _write_lists(ca: UziTestCa, holder: Holder, files: Files) -> None:
    authorities = {"issuing": ca.issuing(holder.card_type), "level_2": ca.level_2, "root": ca.root}
    for name, authority in authorities.items():
        draft = files.crl_dir / f".{name}.crl"
        draft.write_bytes(authority.revocation_list(utc_now()))
        draft.replace(files.crl_dir / f"{name}.crl")


@asynccontextmanager
async def _fresh_lists(ca: UziTestCa, holder: Holder, files: Files) -> AsyncIterator[None]:
    """Publish revocation lists each hour, as the real register does."""

    async def publish() -> None:
        while True:
            await asyncio.sleep(NEW_LIST_EVERY_SECONDS)
            await asyncio.to_thread(_write_lists, ca, holder, files)

    publishing = asyncio.create_task(publish())
    try:
        yield
    finally:
        publishing.cancel()


@asynccontextmanager
async def _port_explained(settings: Settings) -> AsyncIterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno is None or "address" not in str(error).lower():
            raise
        raise Mistake(f"port {settings.listen_port} is taken: try --port 0.") from error


def _describe(settings: Settings, files: Files, holder: Holder, client_id: str) -> dict[str, str]:
    """Write `demo.json` (design section 9), in one step and last."""
    description = {
        "base_url": settings.base_url,
        "client_id": client_id,
        "client_key_file": str(files.client_key),
        "client_redirect_uri": REDIRECT_URI,
        "card_file": str(files.card),
        "card_pin": CARD_PIN,
        "ura": holder.ura,
        "uzi_number": holder.uzi_number,
        "ca_file": str(files.root),
    }
    draft = files.description.with_name(".demo.json")
    draft.unlink(missing_ok=True)
    _write_private(draft, json.dumps(description, indent=2).encode())
    draft.replace(files.description)
    return description


def _write_config(settings: Settings, files: Files, push: Waking) -> None:
    """Write what a command beside this server needs: `pairing-server … --config demo.toml`."""
    values = {"base_url": settings.base_url, "data_dir": str(settings.data_dir), **push.settings}
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    _write_private(files.config, lines.encode())


def _write_private(file: Path, data: bytes) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(data)


def _urls(settings: Settings, files: Files, description: dict[str, str], page: str) -> str:
    base = settings.base_url
    pushed = f"  push        {page} shows what arrives\n" if page else ""
    return (
        f"\nServing on {base} until Ctrl-C.\n"
        f"  pages       {base}/portal/\n"
        f"  administer  {base}/admin/, with the test card\n"
        f"  discovery   {base}/.well-known/openid-configuration\n"
        f"  key set     {base}/jwks.json\n"
        f"  readiness   {base}/readyz\n"
        f"  metrics     {base}/metrics\n"
        f"  client      {description['client_id']}, key in {files.client_key}\n"
        f"  test card   {files.card}, PIN {CARD_PIN}, born {DATE_OF_BIRTH}\n"
        f"{pushed}"
        f"  all of it   {files.description}\n"
        f"  commands    pairing-server phone list --config {files.config}\n"
    )


def _what_next(settings: Settings, files: Files) -> str:
    """Say how to walk through the pages with the test card, and where that ends."""
    agent = shlex.join(
        [str(Path(sysconfig.get_path("scripts"), "zorgid-desktop")), "--pkcs12", str(files.card)]
    )
    phone = shlex.quote(str(Path(sysconfig.get_path("scripts"), "zorgid-phone")))
    return (
        f"Pair a phone in the browser, on this machine:\n"
        f"  1. {agent} register\n"
        f"     opens the pages' links with the test card from now on (unregister undoes it).\n"
        f"     Without: copy the link of the page's button, and in another terminal\n"
        f"     {agent} 'zorgid://...'\n"
        f"  2. {settings.base_url}/portal/\n"
        f"     The PIN is {CARD_PIN}, the date of birth {DATE_OF_BIRTH}.\n"
        f"  3. Save a screenshot of the QR code, and a phone in software reads it:\n"
        f"     {phone} pair screenshot.png\n"
        f"     {phone} watch --approve\n"
        f"     then shows what a workstation asks, and asks you for the code on its screen.\n"
        f"     A real phone needs an address that it can reach: --base-url https://...\n"
        f"Then: README.md, 'From the demo to a server of your own'.\n"
    )


def _say(step: str, seconds: float) -> None:
    click.echo(f"{seconds * 1000:8.0f} ms  {step}")


def _push_line(line: str) -> None:
    click.echo(f"            push: {line}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
