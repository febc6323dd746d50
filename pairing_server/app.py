"""The one composition root: builds every part from the settings and wires them."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import lru_cache
from importlib import resources
from itertools import chain

import structlog
from aiohttp import web

import clients
from admin.setup import AdminPortal
from pairing_server.app_links import AppLinkRoutes
from pairing_server.approvals.scan import SCAN_REFUSALS, ScanFlow
from pairing_server.audit.checkpoint import Checkpoints, read_heads
from pairing_server.audit.events import ServerStarted
from pairing_server.clock import Clock, utc_now
from pairing_server.guard import Runner, make_middleware
from pairing_server.health import HealthRoutes
from pairing_server.http import MAX_BODY_BYTES, SETTINGS
from pairing_server.keys.attestation.directory import attestation_directory
from pairing_server.keys.ceremony import RelyingParty
from pairing_server.keys.routes import KeySetRoutes
from pairing_server.keys.seal import (
    Seal,
    SealError,
    make_seal_key,
    read_seal_key,
    server_secret_named,
)
from pairing_server.keys.signing import SigningKeys, signing_key_exists
from pairing_server.limits import LIMITED, Limiter, Rate
from pairing_server.oidc.setup import OpenIdProvider
from pairing_server.pages.assets import shipped_assets
from pairing_server.pages.card_routes import CardPages
from pairing_server.pages.flow import StandingFlow
from pairing_server.pages.front import Front
from pairing_server.pages.login_setup import LoginPage
from pairing_server.pages.organisation_routes import OrganisationPages
from pairing_server.pages.own_phone_routes import OwnPhonePages
from pairing_server.pages.phone_routes import PhonePages
from pairing_server.pages.refusal_pages import RefusalPages
from pairing_server.pages.registration_routes import RegistrationPages
from pairing_server.pages.rendering import Renderer
from pairing_server.phone_api import PhoneApiRoutes
from pairing_server.phone_app import PhoneApp
from pairing_server.phones.setup import BoundPhones, PhoneApi, Routes
from pairing_server.portal.birth_date import KEY_NAME as BIRTH_DATE_KEY
from pairing_server.portal.birth_date import BirthDates
from pairing_server.portal.flow import RegistrationFlow
from pairing_server.portal.phone_routes import OwnPhoneRoutes
from pairing_server.portal.phones import OwnPhonesFlow
from pairing_server.portal.routes import PortalRoutes
from pairing_server.portal.session import BrowserSessions
from pairing_server.ports import Ports
from pairing_server.push import PushSender, PushService
from pairing_server.push.dispatch import Dispatch
from pairing_server.push.setup import make_push
from pairing_server.push.vapid import KEY_NAME as VAPID_KEY
from pairing_server.qr.flow import PairingFlow
from pairing_server.qr.login import LoginQrFlow
from pairing_server.qr.login_routes import LoginQrRoutes
from pairing_server.qr.routes import PairingRoutes
from pairing_server.registry import Registry, RegistryUnavailableError, Transaction
from pairing_server.registry.database import open_registry
from pairing_server.registry.migrate import upgrade
from pairing_server.settings import Settings
from pairing_server.signals.setup import Signals
from pairing_server.store import Store
from pairing_server.store.embedded import EmbeddedValkey
from pairing_server.store.redis_store import RedisStore
from pairing_server.tls import CardSite, one_request
from pairing_server.tokens import Random
from pairing_server.uzi.belief import Believe, CardBeliever
from pairing_server.uzi.card_status import CardStatus
from pairing_server.uzi.flow import UziFlow
from pairing_server.uzi.mtls import MtlsFlow
from pairing_server.uzi.mtls_routes import MtlsRoutes
from pairing_server.uzi.path import CardVerifier
from pairing_server.uzi.revocation_setup import make_card_status, make_egress
from pairing_server.uzi.routes import UziRoutes
from pairing_server.uzi.trust_setup import (
    read_anchors,
    read_card_context,
    read_hierarchy,
    read_issuers,
)
from pairing_server.xis.setup import make_xis

#: How long calls that are being answered when the server stops have to end.
DRAIN = timedelta(seconds=10)
CHECKPOINT_EVERY = timedelta(minutes=15)
#: A proxy hands on a card and its issuers in two fields; four of these have 3 kB each in base64.
MAX_FIELD_BYTES = 16 * 1024
#: What is served where browsers show cards to this server itself.
CARDS = web.AppKey("cards", web.Application)

_log = structlog.get_logger("app")


@dataclass(frozen=True, slots=True)
class Stores:
    """The two stores and the server's keys: what commands need as well as the server."""

    registry: Registry
    store: Store
    keys: SigningKeys
    pairwise_salt: bytes
    checkpoints: Checkpoints
    birth_date_key: bytes
    vapid_secret: bytes


@asynccontextmanager
async def open_stores(
    settings: Settings, clock: Clock = utc_now, random: Random = secrets.token_bytes
) -> AsyncIterator[Stores]:
    """Open both stores, starting the embedded ones where none are configured.

    Raises:
        EmbeddedStoreError: no Valkey can be started.
        RegistryUnavailableError: the database does not answer, or its schema is another.
        SealError: the seal key cannot be read, or another sealed the signing keys.
    """
    async with AsyncExitStack() as stack:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if settings.redis_url is None:
            valkey = await stack.enter_async_context(EmbeddedValkey(settings.data_dir))
            store: Store = RedisStore(valkey.url)
        else:
            store = RedisStore(settings.redis_url.get_secret_value())
        stack.push_async_callback(store.close)
        if settings.database_url is None:
            # Nobody else uses the embedded registry, so nobody else needs to be asked.
            await asyncio.to_thread(upgrade, settings.registry_url)
        registry = open_registry(settings.registry_url, chain=settings.node, clock=clock)
        stack.push_async_callback(registry.close)
        await registry.ping()
        seal = await open_seal(settings, registry, random)
        keys = SigningKeys(registry, seal, clock, random)
        await keys.prepare()
        salt = await server_secret_named("pairwise", registry, seal, clock, random)
        births = await server_secret_named(BIRTH_DATE_KEY, registry, seal, clock, random)
        vapid = await server_secret_named(VAPID_KEY, registry, seal, clock, random)
        checkpoints = Checkpoints(registry, keys, clock)
        yield Stores(registry, store, keys, salt, checkpoints, births, vapid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a server finds around it, for a test or the demo to choose.

    Attributes:
        senders: In the place of those that the settings make.
        rate: How much a stranger may ask for.
    """

    clock: Clock = utc_now
    random: Random = secrets.token_bytes
    senders: Mapping[PushService, PushSender] | None = None
    rate: Rate = field(default_factory=Rate)


def make_app(
    settings: Settings, stores: Stores, surroundings: Surroundings | None = None
) -> web.Application:
    """Wire the parts into the web application."""
    around = surroundings or Surroundings()
    clock, random = around.clock, around.random
    registry, store, keys = stores.registry, stores.store, stores.keys
    ports = Ports(registry, store, clock, random)
    attestation = attestation_directory(settings)
    rp = RelyingParty(settings.rp_id, settings.webauthn_origins, attestation)
    push = make_push(settings, stores.vapid_secret, clock, random)
    dispatch = Dispatch(ports, push.senders if around.senders is None else around.senders)
    bound = BoundPhones.make(ports, dispatch, rp, settings)
    card_status = read_card_status(settings, around)
    believe = card_believer(settings, card_status)
    uzi = UziFlow(ports, believe, origin=settings.origin, host=settings.host)
    sessions = BrowserSessions(ports)
    registration = RegistrationFlow(
        ports, uzi, sessions, BirthDates(stores.birth_date_key), contact=settings.contact
    )
    portal = PortalRoutes(registration, uzi, sessions, clock)
    own_phones = OwnPhonesFlow(ports, bound.statuses)
    mtls = MtlsRoutes(
        MtlsFlow(ports, believe, read_issuers(settings), origin=settings.origin),
        random,
        proxies=settings.client_cert_proxies,
        log_in=portal.log_in_by_mtls,
    )
    pairings = PairingFlow(
        ports, rp=rp, base_url=settings.base_url, policy=bound.policy, told=bound.told
    )
    login_qr = LoginQrFlow(ports, ScanFlow(ports), base_url=settings.base_url)
    provider = OpenIdProvider.make(
        ports,
        bound.approvals,
        keys,
        settings,
        pairwise_salt=stores.pairwise_salt,
        policy=bound.policy,
        lists=card_status.known_lists,
    )
    xis = make_xis(
        ports,
        bound.approvals,
        keys,
        provider.client_auth,
        base_url=settings.base_url,
        policy=bound.policy,
    )
    signals = Signals.make(ports, keys, provider, settings.base_url, stores.pairwise_salt)
    login_page = LoginPage.make(bound, provider, login_qr, uzi)
    health = HealthRoutes(registry, store, lambda: card_status.ages(clock()))
    assets = shipped_assets()
    card_form = settings.mtls_origin and f"{settings.mtls_origin}/uzi/mtls"
    renderer = Renderer(assets, (settings.mtls_origin,) if settings.mtls_origin else ())
    front = Front(renderer, sessions, clock)
    admin = AdminPortal.make(bound, provider, front, settings, stores, pairings)
    refusal_pages = RefusalPages(front)
    guard = make_middleware(random, Limiter(time.monotonic, around.rate), pages=refusal_pages)
    app = web.Application(middlewares=[guard], client_max_size=MAX_BODY_BYTES)
    app[SETTINGS] = settings
    phone_api: tuple[PhoneApi, ...] = (
        PairingRoutes(pairings, sessions, clock, push.places),
        LoginQrRoutes(login_qr, bound.phones, SCAN_REFUSALS),
        *bound.routes(settings, push),
    )
    parts: tuple[Routes, ...] = (
        health,
        KeySetRoutes(keys),
        UziRoutes(uzi, clock, random, log_in=login_page.log_in(portal.log_in)),
        mtls,
        portal,
        OwnPhoneRoutes(own_phones, sessions),
        *phone_api,
        PhoneApiRoutes(phone_api, settings.base_url, LIMITED),
        AppLinkRoutes(
            settings.android_package, settings.android_apk_key_hashes, settings.ios_app_ids
        ),
        *provider.routes(),
        signals,
        xis,
        assets,
        refusal_pages,
        CardPages(front, uzi, sessions, clock, random, card_form=card_form),
        OrganisationPages(front, registration, StandingFlow(ports), sessions),
        RegistrationPages(front, registration, StandingFlow(ports), uzi, clock, random),
        OwnPhonePages(front, own_phones, sessions, clock),
        PhonePages(front, pairings, StandingFlow(ports), settings.base_url, clock),
        *login_page.routes(bound, provider, front, stores.pairwise_salt),
        admin,
        shipped_phone_app(),
    )
    for routes in parts:
        app.add_routes(routes.table())

    cards = web.Application(middlewares=[one_request, guard], client_max_size=MAX_BODY_BYTES)
    cards[SETTINGS] = settings
    cards.add_routes(
        chain(mtls.table(), provider.by_certificate(), xis.table(), signals.calls(), admin.calls())
    )
    app[CARDS] = cards

    async def drain(_: web.Application) -> None:
        for part in (health, login_qr, login_page.logins, store):
            part.drain()

    async def revocation(_: web.Application) -> AsyncIterator[None]:
        async with card_status.running(), attestation.running():
            yield

    app.on_shutdown.append(drain)
    # After all calls: those that are answered while the server stops may wake phones, too.
    app.on_cleanup.append(lambda _: dispatch.close())
    app.on_cleanup.append(lambda _: provider.egress.close())
    app.cleanup_ctx.extend(
        (
            revocation,
            bound.reminding,
            bound.approvals.withdrawing,
            push.warming,
            provider.pings.running,
            provider.telling,
            signals.sending,
        )
    )
    return app


@asynccontextmanager
async def running(
    settings: Settings, stores: Stores, surroundings: Surroundings | None = None
) -> AsyncIterator[None]:
    """Listen and answer, until the block is left; then drain.

    Raises:
        OSError: the address is taken.
    """
    around = surroundings or Surroundings()
    app = make_app(settings, stores, around)
    await stores.registry.commit(lambda tx: _record_start(tx, settings))
    runner = Runner(
        app,
        around.random,
        shutdown_timeout=DRAIN.total_seconds(),
        handle_signals=False,
        max_field_size=MAX_FIELD_BYTES,
    )
    await runner.setup()
    checkpoints = asyncio.create_task(_make_checkpoints(stores.checkpoints))
    cards = Runner(
        app[CARDS],
        around.random,
        shutdown_timeout=DRAIN.total_seconds(),
        handle_signals=False,
    )
    await cards.setup()
    try:
        if (context := read_card_context(settings)) is not None:
            port = settings.mtls_port or 0
            await CardSite(cards, settings.mtls_listen, port, context).start()
            _log.info("listening for cards", origin=settings.mtls_origin)
        await web.TCPSite(runner, settings.listen, settings.listen_port, backlog=4096).start()
        _log.info("listening", base_url=settings.base_url, port=settings.listen_port)
        yield
        _log.info("draining")
    finally:
        checkpoints.cancel()
        await cards.cleanup()
        await runner.cleanup()
        with contextlib.suppress(asyncio.CancelledError, RegistryUnavailableError):
            await stores.checkpoints.make()


@lru_cache(maxsize=1)
def shipped_phone_app() -> PhoneApp:
    """Return the phone web app that comes with the reference clients, read once."""
    return PhoneApp(resources.files(clients) / "phone_web")


def read_card_status(settings: Settings, around: Surroundings) -> CardStatus:
    """Return what checks by lists and OCSP whether cards still hold."""
    hierarchy = read_hierarchy(settings)
    return make_card_status(
        settings,
        hierarchy.revocation,
        read_anchors(settings, hierarchy).certificates,
        make_egress(settings),
        around.clock,
        around.random,
    )


def card_believer(settings: Settings, card_status: CardStatus) -> Believe:
    """Return what believes cards by the configured anchors, as long as they hold."""
    hierarchy = read_hierarchy(settings)
    return CardBeliever(CardVerifier(read_anchors(settings, hierarchy), hierarchy), card_status)


def _record_start(tx: Transaction, settings: Settings) -> None:
    # The heads of the other chains tie them to this one, where it begins to grow again.
    heads = {name: asdict(head) for name, head in read_heads(tx).items()}
    tx.record(
        ServerStarted(actor="system", object=f"node:{settings.node}", evidence={"heads": heads})
    )


async def _make_checkpoints(checkpoints: Checkpoints) -> None:
    while True:
        try:
            await checkpoints.make()
        except Exception:  # noqa: BLE001  (the next one is tried, whatever kept this one)
            _log.exception("no checkpoint")
        await asyncio.sleep(CHECKPOINT_EVERY.total_seconds())


async def open_seal(settings: Settings, registry: Registry, random: Random) -> Seal:
    """Open the seal; without a setting, its key is made in the data directory at first start.

    Raises:
        SealError: the key cannot be read, or should not be by others, or is gone.
    """
    default = settings.data_dir / "seal.key"
    file = settings.seal_key_file or default
    if settings.seal_key_file is None and not default.exists():
        # A new key beside keys that another sealed would hide that the other has been lost.
        if await registry.read(signing_key_exists):
            raise SealError(f"{default} is gone: put it back from your back-up")
        return Seal(await asyncio.to_thread(make_seal_key, default, random), random)
    return Seal(await asyncio.to_thread(read_seal_key, file), random)
