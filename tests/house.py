"""A whole server for a test: real stores, real sockets, and people who use it.

`House` is an installation: an organisation, a card, a workstation, as many phones as a test binds.
What a test does, it does over HTTP through the reference clients, unless it forces a race on a
flow, for which `ports` are the same stores.  What went before, `settled` does without the calls.
"""

import secrets
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from clients.card_profile import Holder
from clients.desktop import Card, DesktopAgent
from clients.pairing import Device
from clients.phone import SoftwarePhone
from clients.portal import PortalPage
from clients.test_ca import KeyKind, Style, UziTestCa
from clients.workstation import Workstation
from pairing_server.app import Stores, Surroundings, running
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.audit.checkpoint import Checkpoints
from pairing_server.keys.ceremony import RelyingParty
from pairing_server.keys.policy import server_policy
from pairing_server.keys.seal import Seal, server_secret_named
from pairing_server.keys.signing import SigningKeys
from pairing_server.keys.status import PhoneStatusFlow
from pairing_server.limits import Rate
from pairing_server.portal.birth_date import KEY_NAME as BIRTH_DATE_KEY
from pairing_server.ports import Ports
from pairing_server.push import PushAddress, PushService, Wakeup, WakeupKind
from pairing_server.push.dispatch import Dispatch
from pairing_server.push.vapid import KEY_NAME as VAPID_KEY
from pairing_server.registry import Registry, RegistryUnavailableError, clients, organisations
from pairing_server.registry.client_metadata import ClientMetadata
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.database import open_registry
from pairing_server.registry.migrate import upgrade
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.registry.tables import audit_event
from pairing_server.settings import Settings
from pairing_server.store import Store
from pairing_server.tokens import digest, new_id
from pairing_server.uzi.session import Purpose
from pairing_server.xis.ending import ending_all
from tests.registry.listings import amiss
from tests.settled import Settled

PIN = "123456"
#: All tests come from one address.
UNLIMITED = Rate(1e6, 1_000_000)
DATE_OF_BIRTH = "1980-01-31"
WORKSTATION = {"workstation_id": "ws-1", "workstation": "Balie 1", "location": "Polikliniek"}


class ShiftedClock:
    """The machine's time, moved on as far as a test says."""

    def __init__(self) -> None:
        self.shift = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def advance(self, duration: timedelta) -> None:
        self.shift += duration


@dataclass
class RecordingPush:
    """A push sender that keeps what it was given, and fails when told to."""

    sent: list[tuple[PushAddress, Wakeup]] = field(default_factory=list)
    error: Exception | None = None

    async def send(self, address: PushAddress, wakeup: Wakeup) -> None:
        self.sent.append((address, wakeup))
        if self.error is not None:
            raise self.error

    async def check(self) -> list[str]:
        return []

    async def close(self) -> None:
        pass

    def requests(self) -> list[Wakeup]:
        """Return the wake-ups that told of an open request, oldest first."""
        return [wakeup for _, wakeup in self.sent if wakeup.kind is WakeupKind.REQUEST]


@dataclass(frozen=True)
class Register:
    """A test UZI-register with its files: the root, the lists, and cards of whom it is asked."""

    ca: UziTestCa
    directory: Path

    @property
    def root(self) -> Path:
        return self.directory / "root.pem"

    @property
    def crl_dir(self) -> Path:
        return self.directory / "crl"

    def card(self, holder: Holder) -> Card:
        """Issue a card, once for each holder."""
        file = self.directory / f"{digest(repr(holder))}.p12"
        if not file.exists():
            issued = self.ca.issue(holder, datetime.now(UTC), KeyKind.P_256)
            issued.authentication.write_pkcs12(file, PIN)
        return _card(file)


@cache
def _card(file: Path) -> Card:
    # Deriving the key from the PIN takes longer than what most tests do with the card.
    return Card.from_pkcs12(file, PIN)


@pytest.fixture(scope="session")
def register(tmp_path_factory: pytest.TempPathFactory) -> Register:
    """Make a test UZI-register with a fresh list for each kind of card."""
    directory = tmp_path_factory.mktemp("uzi")
    now = datetime.now(UTC)
    ca = UziTestCa.create(now, Style(KeyKind.P_256))
    made = Register(ca, directory)
    made.crl_dir.mkdir()
    ca.write_root(made.root)
    authorities = {card_type: ca.issuing(card_type) for card_type in "ZN"}
    for name, authority in {**authorities, "level_2": ca.level_2, "root": ca.root}.items():
        (made.crl_dir / f"{name}.crl").write_bytes(authority.revocation_list(now))
    return made


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an SQLite registry once, for each test to copy."""
    file = tmp_path_factory.mktemp("registry") / "empty.sqlite3"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
async def registry(
    empty_registry: Path, tmp_path: Path, clock: ShiftedClock
) -> AsyncIterator[Registry]:
    """Open an empty registry on SQLite."""
    file = tmp_path / "registry.sqlite3"
    shutil.copyfile(empty_registry, file)
    opened = open_registry(f"sqlite:///{file}", chain="test", clock=clock)
    try:
        yield opened
        # A test that closes it has nothing more to see there.
        with suppress(RegistryUnavailableError):
            assert await opened.read(amiss) == []
    finally:
        await opened.close()


@pytest.fixture
def ports(registry: Registry, store: Store, clock: ShiftedClock) -> Ports:
    return Ports(registry, store, clock, secrets.token_bytes)


@pytest.fixture
async def stores(ports: Ports) -> Stores:
    """Give the server its keys on the test's stores."""
    return await stores_on(ports)


async def stores_on(ports: Ports, seal_key: bytes = b"s" * 32) -> Stores:
    seal = Seal(seal_key, ports.random)
    keys = SigningKeys(ports.registry, seal, ports.clock, ports.random)
    await keys.prepare()
    salt = await server_secret_named("pairwise", ports.registry, seal, ports.clock, ports.random)
    births = await server_secret_named(
        BIRTH_DATE_KEY, ports.registry, seal, ports.clock, ports.random
    )
    vapid = await server_secret_named(VAPID_KEY, ports.registry, seal, ports.clock, ports.random)
    checkpoints = Checkpoints(ports.registry, keys, ports.clock)
    return Stores(ports.registry, ports.store, keys, salt, checkpoints, births, vapid)


@dataclass
class House:
    """A running server and who uses it.

    Attributes:
        holder: Whose card it is; registered by `register_person`.
        client_key: Of the client that the workstation is, once registered by `workstation`.
    """

    settings: Settings
    stores: Stores
    ports: Ports
    register: Register
    push: RecordingPush
    http: aiohttp.ClientSession
    holder: Holder = field(default_factory=Holder)
    client_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    client_id: str = ""
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def base_url(self) -> str:
        return self.settings.base_url

    @cached_property
    def settled(self) -> Settled:
        """Who logged in, registered and paired before."""
        made = Settled(self)
        self._stack.push_async_callback(made.dispatch.close)
        return made

    @property
    def registry(self) -> Registry:
        return self.ports.registry

    @property
    def store(self) -> Store:
        return self.ports.store

    async def page(self) -> PortalPage:
        """Open a browser of its own."""
        return await self._stack.enter_async_context(PortalPage(self.base_url))

    def agent(self) -> DesktopAgent:
        return DesktopAgent(self.http, [self.base_url])

    async def add_organisation(self, ura: str = "", name: str = "") -> None:
        """Register an organisation as an operator does."""
        added = Organisation(
            ura=ura or self.holder.ura,
            name=name or self.holder.organisation_name,
            status=OrganisationStatus.ACTIVE,
            registered_at=self.ports.clock(),
        )
        await self.registry.commit(lambda tx: organisations.add(tx, added))

    async def logged_in(self, holder: Holder | None = None, purpose: str = "login") -> PortalPage:
        """Open a browser in which a card was proved."""
        page = await self.page()
        await self.settled.log_in(
            page, self.register.card(holder or self.holder), Purpose(purpose)
        )
        return page

    async def registered(self, holder: Holder | None = None) -> PortalPage:
        """Open a browser in which a card holder registered."""
        holder = holder or self.holder
        await self.know_organisation(holder)
        page = await self.logged_in(holder)
        await self.settled.register(page, self.register.card(holder), DATE_OF_BIRTH)
        return page

    async def bind(
        self,
        page: PortalPage | None = None,
        push_token: str | None = None,
        device: Device | None = None,
    ) -> SoftwarePhone:
        """Take a phone that was bound to the person at the page, by default to a new one."""
        page = page or await self.registered()
        push = PushAddress(PushService.FCM, push_token) if push_token else None
        return await self.settled.bind(page, device, push)

    async def know_organisation(self, holder: Holder) -> None:
        """Register the holder's organisation, if it is not yet."""
        if await self.registry.read(lambda tx: organisations.get(tx, holder.ura)) is None:
            await self.add_organisation(holder.ura, holder.organisation_name)

    async def workstation(
        self,
        name: str = "HIS",
        uras: tuple[str, ...] = (),
        redirect_uris: tuple[str, ...] = (),
        metadata: ClientMetadata | None = None,
        **policy: object,
    ) -> Workstation:
        """Register a client, and return a workstation of it."""
        key = ec.generate_private_key(ec.SECP256R1())
        jwk = {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "alg": "ES256"}
        added = Client(
            id=new_id(secrets.token_bytes),
            name=name,
            jwks={"keys": [jwk]},
            uras=uras or (self.holder.ura,),
            redirect_uris=redirect_uris,
            policy=policy,
            metadata=metadata or ClientMetadata(),
            status=ClientStatus.ACTIVE,
            created_at=self.ports.clock(),
        )
        await self.registry.commit(lambda tx: clients.add(tx, added))
        self.client_key, self.client_id = key, added.id
        return Workstation(self.http, self.base_url, added.id, key)

    async def ask(self, workstation: Workstation, **options):
        """Start a login of the holder at a workstation."""
        options.setdefault("request_context", WORKSTATION)
        options.setdefault("ura", self.holder.ura)
        return await workstation.start(f"uzi:{self.holder.uzi_number}", **options)

    async def approved(self, phone: SoftwarePhone, workstation: Workstation):
        """Start a login and approve it on the phone."""
        started = await self.ask(workstation)
        (request,) = await phone.auth_requests()
        await phone.approve(request, started.binding_code)
        return started

    def rp(self) -> RelyingParty:
        return RelyingParty(self.settings.rp_id, self.settings.webauthn_origins)

    def phone_status(self, registry: Registry | None = None) -> PhoneStatusFlow:
        """Block, unblock and revoke as the operator's command does, open requests included."""
        chosen = registry or self.registry
        policy = server_policy(self.settings)
        approvals = ApprovalFlow(self.ports, Dispatch(self.ports, {}), self.rp(), policy)
        return PhoneStatusFlow(chosen, self.ports.clock, ending_all(self.ports, approvals))

    async def events(self) -> list[dict[str, object]]:
        """Return the audit log, oldest first."""
        query = sa.select(audit_event).order_by(audit_event.c.chain, audit_event.c.sequence)
        return [dict(row) for row in await self.registry.read(lambda tx: tx.all(query))]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def house_settings(register: Register, data_dir: Path, **overrides: object) -> Settings:
    port = free_port()
    values = {
        "base_url": f"http://localhost:{port}",
        "port": port,
        "data_dir": data_dir,
        "uzi_environment": "test",
        "uzi_anchors": (register.root,),
        "uzi_crl_dir": register.crl_dir,
        "synced_acr": "substantial",
        **overrides,
    }
    # As `load` does of an empty environment, which it takes longer to find empty.
    return Settings(**{name: value for name, value in values.items() if value is not None})


@asynccontextmanager
async def opened_house(
    settings: Settings,
    stores: Stores,
    ports: Ports,
    register: Register,
    rate: Rate = UNLIMITED,
) -> AsyncIterator[House]:
    """Run a server on these stores until the block is left."""
    push = RecordingPush()
    around = Surroundings(
        clock=ports.clock,
        random=ports.random,
        senders=dict.fromkeys(PushService, push),
        rate=rate,
    )
    async with (
        running(settings, stores, around),
        aiohttp.ClientSession() as http,
        AsyncExitStack() as stack,
    ):
        yield House(settings, stores, ports, register, push, http, _stack=stack)


@pytest.fixture
async def house(
    register: Register, tmp_path: Path, stores: Stores, ports: Ports
) -> AsyncIterator[House]:
    """Run a server for this test."""
    settings = house_settings(register, tmp_path)
    async with opened_house(settings, stores, ports, register) as opened:
        yield opened


@pytest.fixture
def make_house(
    register: Register, tmp_path: Path, stores: Stores, ports: Ports
) -> Callable[..., object]:
    """Run a server with other settings or ports: `async with make_house(...) as house`."""

    def make(other: Ports | None = None, rate: Rate = UNLIMITED, **overrides: object):
        settings = house_settings(register, tmp_path, **overrides)
        return opened_house(settings, stores, other or ports, register, rate)

    return make
