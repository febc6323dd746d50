"""The races between an offer, its signature and its denial, each forced in the Store."""

from datetime import timedelta

import pytest

from pairing_server.errors import Conflict, NotFound, Unauthenticated
from pairing_server.portal.flow import RegistrationFlow
from pairing_server.portal.registration import NothingOffered, Outcome
from pairing_server.portal.session import BrowserSession, BrowserSessions
from pairing_server.ports import Ports
from pairing_server.registry import RegistryUnavailableError, notices, organisations, people
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest
from pairing_server.uzi import session as rules
from pairing_server.uzi.belief import Belief
from pairing_server.uzi.flow import UziFlow
from pairing_server.uzi.session import Proof, Purpose, Status, UziSession
from tests.approvals.desk import UnreliableRegistry
from tests.doubles import StalledStore
from tests.portal.records import BIRTHS, BORN, CARD, MEMBERSHIP, ORGANISATION, PERSON
from tests.valkey import run

PROOF = Proof(certificate="", chain=(), signature="", algorithm="ES256")
BROWSER = "browser-digest"
COMPLETION = "completion"


class StalledAt(StalledStore):
    """A Store that lets another step in before a record of one kind is written."""

    def __init__(self, store, prefix, meanwhile):
        super().__init__(store, meanwhile)
        self._prefix = prefix

    async def swap(self, key, old, new, ttl=None, signal=None):
        if key.startswith(self._prefix):
            return await super().swap(key, old, new, ttl, signal)
        return await self._store.swap(key, old, new, ttl, signal)


class Portal:
    """The registration on some stores, and what a browser does there."""

    def __init__(self, ports):
        self.clock = ports.clock
        self.registry = ports.registry
        self.uzi = UziFlow(ports, None, origin="http://localhost", host="localhost")
        self.flow = RegistrationFlow(ports, self.uzi, BrowserSessions(ports), BIRTHS)
        self.browsers = Shelf(ports.store, "browser-session", BrowserSession)
        self.sessions = Shelf(ports.store, "uzi-session", UziSession)

    async def begin(self, session):
        return await self.flow.begin(session, BROWSER, BORN)

    async def prove(self, signing):
        """Let the card sign, as `UziFlow.prove` leaves it."""
        now, belief = self.clock(), Belief(CARD, {})
        await self.sessions.change(
            signing.id, lambda held: rules.prove(held, belief, PROOF, digest(COMPLETION), now)
        )

    async def sign(self, signing):
        await self.uzi.complete(signing.id, BROWSER, COMPLETION)

    async def told(self):
        return await self.registry.read(lambda tx: notices.of_organisation(tx, CARD.ura))


@pytest.fixture
async def portal(ports, registry):
    def fill(tx):
        organisations.add(tx, ORGANISATION)
        people.add_person(tx, PERSON)
        people.put_membership(tx, MEMBERSHIP)

    await registry.commit(fill)
    return Portal(ports)


@pytest.fixture
def stalled(ports):
    """Make the portal on a Store in which something else happens meanwhile."""

    def make(prefix, meanwhile):
        store = StalledAt(ports.store, prefix, meanwhile)
        return store, Portal(Ports(ports.registry, store, ports.clock, ports.random))

    return make


@pytest.fixture
async def session(portal):
    """A browser that is logged in with the card."""
    session = BrowserSession(
        id="session",
        purpose=Purpose.LOGIN,
        card=CARD,
        person_id=None,
        statement={},
        expires_at=portal.clock() + timedelta(minutes=15),
    )
    await portal.browsers.create(session.id, session, timedelta(minutes=15))
    return session


@pytest.fixture
async def offered(portal, session):
    begun = await portal.begin(session)
    assert begun.outcome is Outcome.EXISTING
    await portal.prove(begun.signing)
    return begun.signing


async def test_a_signature_between_a_denials_steps_wins(portal, stalled, session, offered):
    store, other = stalled("browser-session:", lambda: portal.sign(offered))

    with pytest.raises(Conflict):
        await other.flow.deny(session)

    assert store.stalled
    assert await portal.told() == []


async def test_a_signature_just_before_its_session_is_spent_wins(
    portal, stalled, session, offered
):
    store, other = stalled("uzi-session:", lambda: portal.sign(offered))

    with pytest.raises(Conflict):
        await other.flow.deny(session)

    assert store.stalled


async def test_a_denial_between_a_signatures_read_and_write_wins(
    portal, stalled, session, offered
):
    store, other = stalled("uzi-session:", lambda: portal.flow.deny(session))

    with pytest.raises(NotFound):
        await other.sign(offered)

    assert store.stalled
    assert len(await portal.told()) == 1
    assert await portal.uzi.for_browser(offered.id, BROWSER) is Status.REFUSED


async def test_what_is_offered_while_it_is_denied_is_not_signed(
    portal, stalled, session, offered, ports
):
    store, other = stalled("browser-session:", lambda: portal.flow.deny(session))
    before = await sessions(ports)

    with pytest.raises(Unauthenticated):
        await other.begin(session)

    assert store.stalled
    (made,) = await sessions(ports) - before
    assert await portal.uzi.for_browser(made, BROWSER) is Status.REFUSED


async def sessions(ports):
    keys = await run(ports.store, "KEYS", "uzi-session:*")
    return {key.decode().partition(":")[2] for key in keys}


async def test_a_denial_denies_what_was_offered_last(portal, stalled, session, offered):
    newer = []

    async def meanwhile():
        newer.append(await portal.begin(session))

    store, other = stalled("browser-session:", meanwhile)

    await other.flow.deny(session)

    assert store.stalled
    assert await portal.uzi.for_browser(newer[0].signing.id, BROWSER) is Status.REFUSED
    assert await portal.uzi.for_browser(offered.id, BROWSER) is Status.REFUSED
    (notice,) = await portal.told()
    assert notice.id == digest(newer[0].signing.id)[:22]


async def test_whom_a_failure_keeps_from_a_denial_can_deny_again(portal, ports, session, offered):
    registry = UnreliableRegistry(ports.registry)
    unreliable = Portal(Ports(registry, ports.store, ports.clock, ports.random))
    registry.away = 1

    with pytest.raises(RegistryUnavailableError):
        await unreliable.flow.deny(session)
    assert await portal.uzi.for_browser(offered.id, BROWSER) is Status.REFUSED
    with pytest.raises(Unauthenticated):
        await portal.begin(session)
    await unreliable.flow.deny(session)

    assert len(await portal.told()) == 1
    with pytest.raises(NothingOffered):
        await unreliable.flow.deny(session)


async def test_a_denial_that_was_made_all_the_same_is_made_once(portal, ports, session, offered):
    registry = UnreliableRegistry(ports.registry)
    registry.away, registry.keeps = 1, True
    unreliable = Portal(Ports(registry, ports.store, ports.clock, ports.random))

    with pytest.raises(RegistryUnavailableError):
        await unreliable.flow.deny(session)
    await unreliable.flow.deny(session)

    assert len(await portal.told()) == 1
