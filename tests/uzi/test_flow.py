"""The races of a UZI session, each forced between its read and its write."""

import asyncio
import base64
import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from clients.card_profile import Holder
from pairing_server.app import Surroundings, card_believer, read_card_status
from pairing_server.errors import Expired, NotFound, TooManyRequests
from pairing_server.ports import Ports
from pairing_server.store import StoreUnavailableError
from pairing_server.uzi.flow import OtherCard, UziFlow
from pairing_server.uzi.path import load_certificate
from pairing_server.uzi.proof import proof_message
from pairing_server.uzi.refusals import (
    AuthorityRevoked,
    BadSignature,
    CardRevoked,
    CardTypeNotAccepted,
    RevocationUnknown,
)
from pairing_server.uzi.session import (
    SESSION_LIFETIME,
    Proof,
    Purpose,
    Registration,
    Status,
    WrongBrowser,
)
from tests.doubles import StalledStore
from tests.house import house_settings

ORIGIN = "http://localhost:8080"
NOBODYS_CARD = Holder(uzi_number="900007777", card_type="M", role_code="00.000", title=None)

BEGUN = Registration(
    uzi_number="900001234",
    ura="90000382",
    person_id="person-1",
    is_known=False,
    birth_digest="digest-of-a-date",
)


WORDS = "Jan Jansen, UZI-nummer 900001234, rolcode 01.015, bij Zorg (URA 90000382), als jan"


@pytest.fixture
def believe(register, tmp_path):
    house = house_settings(register, tmp_path)
    return card_believer(house, read_card_status(house, Surroundings()))


@pytest.fixture
def flow_on(ports, believe):
    """Make the flow on another store."""

    def make(store):
        other = Ports(ports.registry, store, ports.clock, ports.random)
        return UziFlow(other, believe, origin=ORIGIN, host="localhost:8080")

    return make


@pytest.fixture
def flow(flow_on, store):
    return flow_on(store)


@pytest.fixture
async def session(flow):
    return await flow.start(Purpose.LOGIN, "browser")


@pytest.fixture
def proof_of(register):
    """Let a card sign a session."""

    def sign(session, holder=None):
        card = register.card(holder or Holder())
        message = proof_message(
            ORIGIN, session.id, session.nonce, session.purpose, session.statement
        )
        signature, algorithm = card.sign(message)
        return Proof(
            certificate=encoded(card.certificate.public_bytes(Encoding.DER)),
            chain=tuple(encoded(one.public_bytes(Encoding.DER)) for one in card.chain),
            signature=encoded(signature),
            algorithm=algorithm,
        )

    return sign


def encoded(data):
    return base64.b64encode(data).decode()


def completion_in(return_uri):
    return return_uri.partition("#")[2].partition(".")[2]


async def test_a_proof_between_read_and_write_wins(flow, flow_on, store, session, proof_of):
    first = []

    async def meanwhile():
        first.append(await flow.prove(session.id, proof_of(session)))

    stalled = StalledStore(store, meanwhile)

    with pytest.raises(NotFound):
        await flow_on(stalled).prove(session.id, proof_of(session))

    assert stalled.stalled
    completed, _ = await flow.complete(session.id, "browser", completion_in(first[0]))
    assert completed.status is Status.COMPLETED


async def test_a_refused_card_does_not_undo_a_proof(flow, flow_on, store, session, proof_of):
    async def meanwhile():
        await flow.prove(session.id, proof_of(session))

    stalled = StalledStore(store, meanwhile)

    with pytest.raises(NotFound):
        await flow_on(stalled).prove(session.id, proof_of(session, NOBODYS_CARD))

    assert stalled.stalled
    assert await flow.for_browser(session.id, "browser") is Status.PROVED


async def test_a_session_spent_between_read_and_write_takes_no_proof(
    flow, flow_on, store, session, proof_of
):
    async def meanwhile():
        with pytest.raises(WrongBrowser):
            await flow.complete(session.id, "another", "x")

    stalled = StalledStore(store, meanwhile)

    with pytest.raises(NotFound):
        await flow_on(stalled).prove(session.id, proof_of(session))

    assert stalled.stalled


async def test_a_completion_between_read_and_write_wins(flow, flow_on, store, session, proof_of):
    completion = completion_in(await flow.prove(session.id, proof_of(session)))

    async def meanwhile():
        await flow.complete(session.id, "browser", completion)

    stalled = StalledStore(store, meanwhile)

    with pytest.raises(NotFound):
        await flow_on(stalled).complete(session.id, "browser", completion)

    assert stalled.stalled


async def test_another_browser_between_read_and_write_spends_it(
    flow, flow_on, store, session, proof_of
):
    completion = completion_in(await flow.prove(session.id, proof_of(session)))

    async def meanwhile():
        with pytest.raises(WrongBrowser):
            await flow.complete(session.id, "another", completion)

    stalled = StalledStore(store, meanwhile)

    with pytest.raises(NotFound):
        await flow_on(stalled).complete(session.id, "browser", completion)

    assert stalled.stalled
    assert await flow.for_browser(session.id, "browser") is Status.REFUSED


async def test_a_completion_does_not_survive_another_browsers(
    flow, flow_on, store, session, proof_of
):
    completion = completion_in(await flow.prove(session.id, proof_of(session)))

    async def meanwhile():
        await flow.complete(session.id, "browser", completion)

    stalled = StalledStore(store, meanwhile)

    with pytest.raises(NotFound):
        await flow_on(stalled).complete(session.id, "another", completion)

    assert stalled.stalled
    assert await flow.for_browser(session.id, "browser") is Status.COMPLETED


async def test_the_time_counts_at_each_step(flow, clock, session, proof_of):
    proof = proof_of(session)
    proved = await flow.start(Purpose.LOGIN, "browser")
    completion = completion_in(await flow.prove(proved.id, proof_of(proved)))
    clock.advance(SESSION_LIFETIME)

    for late in (
        flow.for_agent(session.id, session.nonce),
        flow.prove(session.id, proof),
        flow.complete(session.id, "browser", "x"),
        flow.complete(proved.id, "browser", completion),
    ):
        with pytest.raises(Expired):
            await late
    assert await flow.for_browser(session.id, "browser") is Status.EXPIRED
    assert await flow.for_browser(proved.id, "browser") is Status.EXPIRED


async def test_a_registration_is_signed_by_the_card_that_began_it(flow, proof_of):
    signing = await flow.start(Purpose.SIGN_REGISTRATION, "browser", BEGUN, WORDS)

    with pytest.raises(OtherCard):
        await flow.prove(signing.id, proof_of(signing, Holder(uzi_number="900005678")))

    assert await flow.for_browser(signing.id, "browser") is Status.REFUSED


async def test_the_same_persons_card_of_another_organisation_does_not_sign(flow, proof_of):
    signing = await flow.start(Purpose.SIGN_REGISTRATION, "browser", BEGUN, WORDS)

    with pytest.raises(OtherCard):
        await flow.prove(signing.id, proof_of(signing, Holder(ura="90000999")))


@pytest.mark.parametrize(
    "other",
    [{"role_code": "30.000"}, {"first_names": "Johanna"}, {"last_name": "Pietersen"}],
    ids=["role", "first names", "last name"],
)
async def test_a_second_card_that_says_something_else_does_not_sign(flow, proof_of, other):
    signing = await flow.start(Purpose.SIGN_REGISTRATION, "browser", BEGUN, WORDS)

    with pytest.raises(OtherCard):
        await flow.prove(signing.id, proof_of(signing, Holder(**other)))


async def test_the_card_that_the_statement_names_signs(flow, proof_of):
    signing = await flow.start(Purpose.SIGN_REGISTRATION, "browser", BEGUN, WORDS)

    assert await flow.prove(signing.id, proof_of(signing, Holder()))


async def test_the_signature_is_checked_before_the_card_may_end_the_session(
    flow, session, proof_of
):
    other = await flow.start(Purpose.LOGIN, "browser")

    with pytest.raises(BadSignature):
        await flow.prove(session.id, proof_of(other, NOBODYS_CARD))

    assert await flow.for_browser(session.id, "browser") is Status.WAITING


@pytest.mark.parametrize("refused", [AuthorityRevoked, CardRevoked, RevocationUnknown])
async def test_a_card_that_leads_to_an_anchor_and_is_refused_is_an_event(
    ports, session, proof_of, house, refused
):
    async def believe(*_):
        raise refused

    flow = UziFlow(ports, believe, origin=ORIGIN, host="localhost:8080")
    proof = proof_of(session, NOBODYS_CARD)
    with pytest.raises(refused):
        await flow.prove(session.id, proof)

    (event,) = [event for event in await house.events() if event["action"] == "CardRefused"]
    assert event["outcome"] == "refused"
    card = load_certificate(base64.b64decode(proof.certificate))
    assert json.loads(event["evidence"]) == {
        "code": refused.code,
        "purpose": "login",
        "serial_number": f"{card.serial_number:x}",
    }
    assert NOBODYS_CARD.uzi_number not in str(event)


async def test_a_stranger_writes_nothing_to_the_log(flow, session, proof_of, house):
    before = await house.events()
    with pytest.raises(CardTypeNotAccepted):
        await flow.prove(session.id, proof_of(session, NOBODYS_CARD))

    assert await house.events() == before


async def test_proofs_beyond_those_that_can_wait_are_told_to_come_back(
    ports, session, proof_of, monkeypatch
):
    held = asyncio.Event()

    async def believe(*_):
        await held.wait()
        raise CardRevoked

    monkeypatch.setattr("pairing_server.uzi.flow.MAX_WAITING", 6)
    flow = UziFlow(ports, believe, origin=ORIGIN, host="localhost:8080")
    proof = proof_of(session)
    under_way = [asyncio.create_task(flow.prove(session.id, proof)) for _ in range(6)]
    await asyncio.sleep(0.1)

    with pytest.raises(TooManyRequests):
        await flow.prove(session.id, proof)

    held.set()
    await asyncio.gather(*under_way, return_exceptions=True)
    with pytest.raises(NotFound):
        await flow.prove(session.id, proof)


@pytest.mark.parametrize("session_id", ["", "unknown", "a" * 5000, "é"])
async def test_an_unknown_session_is_nobodys(flow, session_id):
    for step in (
        flow.for_agent(session_id, "nonce"),
        flow.for_browser(session_id, "browser"),
        flow.prove(session_id, Proof(certificate="", chain=(), signature="", algorithm="")),
        flow.complete(session_id, "browser", "x"),
    ):
        with pytest.raises(NotFound):
            await step


async def test_nothing_is_concluded_while_the_store_is_away(flow, session, store):
    await store.close()

    with pytest.raises(StoreUnavailableError):
        await flow.for_browser(session.id, "browser")
