"""An approval is worth something only while everything that it rests on stands."""

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
import sqlalchemy as sa

from clients.wire import WireError
from pairing_server.approvals.asked import request_id
from pairing_server.approvals.auth_request import Status
from pairing_server.approvals.facts import facts_digest
from pairing_server.clock import utc_now
from pairing_server.keys.policy import KeyPolicy
from pairing_server.keys.seal import SealError
from pairing_server.oidc.metadata import CIBA_GRANT_TYPE
from pairing_server.oidc.redemption import write_redemption
from pairing_server.oidc.refusals import AccessDenied, InvalidGrant
from pairing_server.registry import (
    RegistryUnavailableError,
    answers,
    clients,
    credentials,
    people,
)
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.database import open_registry
from pairing_server.registry.people import PersonStatus
from pairing_server.registry.tables import client as client_table
from pairing_server.registry.tables import (
    client_organisation,
    credential,
    membership,
    organisation,
)
from pairing_server.registry.tables import person as person_table
from tests.approvals.desk import Desk, MeddlingRegistry, UnreliableRegistry
from tests.approvals.requests import PENDING
from tests.oidc.flows import ciba
from tests.registry.listings import written_past
from tests.registry.people import CREDENTIAL, MEMBERSHIP, ORGANISATION, PERSON, add_everybody


async def change(desk, *statements):
    def run(tx):
        for statement in statements:
            assert written_past(tx, statement) == 1

    await desk.house.registry.commit(run)


async def close_person(desk):
    def close(tx):
        person = people.by_uzi_number(tx, desk.house.holder.uzi_number)
        people.update_person(tx, replace(person, status=PersonStatus.CLOSED))

    await desk.house.registry.commit(close)


async def end_membership(desk):
    await change(desk, sa.update(membership).values(valid_until=1))


async def remove_membership(desk):
    await change(desk, sa.delete(membership))


async def close_organisation(desk):
    await change(desk, sa.update(organisation).values(status="closed"))


async def stop_serving(desk):
    await change(desk, sa.delete(client_organisation))


async def expire_credential(desk):
    await change(desk, sa.update(credential).values(expires_at=1))


async def block_behind_the_servers_back(desk):
    def block(tx):
        active, blocked = CredentialStatus.ACTIVE, CredentialStatus.BLOCKED
        assert credentials.set_status(
            tx, desk.phone.credential_id, active, blocked, desk.house.ports.clock()
        )

    await desk.house.registry.commit(block)


async def revoke(desk):
    await desk.house.phone_status().revoke(desk.phone.credential_id, "operator:test")


async def stop_taking_such_keys(desk):
    await change(desk, sa.update(organisation).values(key_policy='{"verdicts": ["hardware"]}'))


async def close_client(desk):
    await change(desk, sa.update(client_table).values(status="closed"))


async def change_role(desk):
    await change(desk, sa.update(membership).values(role_code="01.010"))


async def rename_organisation(desk):
    await change(desk, sa.update(organisation).values(name="Elders"))


async def rename_client(desk):
    await change(desk, sa.update(client_table).values(name="EPD"))


#: What the server is not told of, and finds when it redeems.
QUIET_ENDS = [
    close_person,
    end_membership,
    remove_membership,
    close_organisation,
    stop_serving,
    expire_credential,
    block_behind_the_servers_back,
    stop_taking_such_keys,
]
ENDS = [*QUIET_ENDS, Desk.block, revoke]
#: What makes the assertion say something else than the phone showed and signed.
DIFFERENCES = [change_role, rename_organisation, rename_client]


@pytest.mark.parametrize(("synced", "acr"), [("low", "low"), ("substantial", "substantial")])
async def test_what_a_key_earns_the_policy_of_the_organisation_says(desk, synced, acr):
    """The server's own policy is substantial for these keys, without attestation."""
    policy = f'{{"synced": "{synced}"}}'
    await change(desk, sa.update(organisation).values(key_policy=policy))
    assertion = await desk.poll(await desk.approved())
    assert assertion.claims.all["acr"] == f"http://eidas.europa.eu/LoA/{acr}"


async def test_a_key_earns_no_more_than_the_proof_behind_it(desk):
    low = "http://eidas.europa.eu/LoA/low"
    await change(desk, sa.update(credential).values(acr=low))
    assertion = await desk.poll(await desk.approved())
    assert assertion.claims.all["acr"] == low


@pytest.mark.parametrize("end", [*QUIET_ENDS, *DIFFERENCES])
async def test_what_ends_after_the_approval_refuses_the_assertion(desk, end):
    started = await desk.approved()
    await end(desk)
    assert await desk.outcome(started) == "revoked"
    assert await desk.outcome(started) == "revoked"
    assert await desk.count("redemptions") == 0
    assert await desk.actions("AssertionIssued", "AssertionRefused") == ["AssertionRefused"]


@pytest.mark.parametrize("end", [Desk.block, revoke])
async def test_a_phone_cut_off_after_the_approval_has_ended_it(desk, end):
    started = await desk.approved()
    await end(desk)
    assert (await desk.record(started)).status is Status.REVOKED
    assert await desk.outcome(started) == "revoked"
    assert await desk.count("redemptions") == 0


async def test_a_refusal_that_many_polls_hear_is_one_event(desk):
    started = await desk.approved()
    await close_person(desk)
    outcomes = await asyncio.gather(*(desk.outcome(started) for _ in range(16)))
    assert outcomes == ["revoked"] * 16
    assert await desk.actions("AssertionRefused") == ["AssertionRefused"]


async def test_a_refusal_is_audited_with_its_reason(desk):
    started = await desk.approved()
    await close_person(desk)
    await desk.outcome(started)
    event = (await desk.house.events())[-1]
    assert (event["action"], event["outcome"]) == ("AssertionRefused", "refused")
    assert event["actor"] == f"client:{desk.client_id}"
    assert started.auth_req_id not in str(event)


async def test_a_closed_client_redeems_nothing(desk):
    started = await desk.approved()
    await close_client(desk)
    assert await desk.outcome(started) == "invalid_client"
    assert await desk.count("redemptions") == 0


@pytest.fixture
def flow_on(desk, stores, ports):
    """The server's own steps on a registry that does what a test wants."""

    def make(registry):
        ports_on = replace(ports, registry=registry)
        return ciba(ports_on, desk.flow(registry=registry), stores, desk.house.settings)

    return make


async def token(desk, flow, started):
    client = await desk.house.registry.read(lambda tx: clients.get(tx, desk.client_id))
    form = {"grant_type": CIBA_GRANT_TYPE, "auth_req_id": started.auth_req_id}
    return await flow.token(form, client, timedelta(0))


@pytest.mark.parametrize("end", [*QUIET_ENDS, *DIFFERENCES, close_client])
async def test_what_ends_between_the_poll_and_the_commit_refuses_the_assertion(desk, flow_on, end):
    started = await desk.approved()
    registry = MeddlingRegistry(desk.house.registry)
    registry.before = lambda: end(desk)
    with pytest.raises(AccessDenied) as refused:
        await token(desk, flow_on(registry), started)
    assert refused.value.members == {"reason": "revoked"}
    assert await desk.count("redemptions") == 0
    assert await desk.actions("AssertionIssued", "AssertionRefused") == ["AssertionRefused"]


@pytest.mark.parametrize("end", [Desk.block, revoke])
async def test_a_phone_cut_off_between_the_poll_and_the_commit_redeems_nothing(desk, flow_on, end):
    started = await desk.approved()
    registry = MeddlingRegistry(desk.house.registry)
    registry.before = lambda: end(desk)
    with pytest.raises(AccessDenied) as refused:
        await token(desk, flow_on(registry), started)
    assert refused.value.members == {"reason": "revoked"}
    assert await desk.count("redemptions") == 0


async def test_a_server_that_cannot_sign_redeems_nothing(desk, flow_on, stores, monkeypatch):
    started = await desk.approved()

    async def fail():
        raise SealError("sealed with another seal key")

    with monkeypatch.context() as broken:
        broken.setattr(stores.keys, "signer", fail)
        with pytest.raises(SealError):
            await token(desk, flow_on(desk.house.registry), started)
    assert await desk.actions("AssertionIssued") == []
    assert await desk.outcome(started) == "assertion"


async def test_a_redemption_between_the_poll_and_the_commit_wins(desk, flow_on):
    started = await desk.approved()
    registry = MeddlingRegistry(desk.house.registry)
    registry.before = lambda: desk.outcome(started)
    with pytest.raises(InvalidGrant):
        await token(desk, flow_on(registry), started)
    assert await desk.actions("AssertionIssued") == ["AssertionIssued"]


async def test_a_registry_that_is_away_redeems_nothing_and_loses_nothing(desk, flow_on):
    started = await desk.approved()
    registry = UnreliableRegistry(desk.house.registry)
    registry.away = 1
    with pytest.raises(RegistryUnavailableError):
        await token(desk, flow_on(registry), started)
    assert await desk.outcome(started) == "assertion"


async def test_a_redemption_whose_answer_got_lost_is_not_made_twice(desk, flow_on):
    started = await desk.approved()
    registry = UnreliableRegistry(desk.house.registry)
    registry.away, registry.keeps = 1, True
    with pytest.raises(RegistryUnavailableError):
        await token(desk, flow_on(registry), started)
    assert await desk.outcome(started) == "invalid_grant"
    assert await desk.actions("AssertionIssued") == ["AssertionIssued"]


async def handed_over(desk, started):
    """Let the Store say that another client of the same name asked; what that one hears."""
    other = await desk.house.workstation()
    await desk.change(started, client_id=desk.house.client_id)
    try:
        return await other.poll_once(started)
    except WireError as error:
        return error.body.get("reason", error.error)


async def test_an_approval_is_handed_to_no_other_client(desk):
    started = await desk.approved()
    assert await handed_over(desk, started) == "revoked"
    assert await desk.count("redemptions") == 0


@pytest.mark.parametrize(
    "altered",
    [
        {"scope": "openid profile uzi dezi"},
        {"workstation_id": "another"},
        {"shown": replace(PENDING.shown, client="HIS")},
    ],
    ids=["scope", "workstation", "shown"],
)
async def test_what_the_store_says_otherwise_since_the_yes_is_not_redeemed(desk, altered):
    started = await desk.approved()
    await desk.change(started, **altered)
    assert await desk.outcome(started) == "revoked"
    assert await desk.count("redemptions") == 0
    event = (await desk.house.events())[-1]
    assert event["action"] == "AssertionRefused"
    assert "not the request that was approved" in event["evidence"]


async def test_an_approval_is_handed_to_no_other_person(desk):
    started = await desk.approved()
    colleague = replace(desk.house.holder, uzi_number="900000777", first_names="Bo")
    await desk.house.registered(colleague)
    other = await desk.house.registry.read(lambda tx: people.by_uzi_number(tx, "900000777"))
    await desk.change(started, person_id=other.id)
    assert await desk.outcome(started) == "revoked"


async def test_an_approval_that_was_copied_under_another_secret_is_nobodys(desk, flow_on):
    started = await desk.approved()
    record = await desk.record(started)
    secret = "s" * 43
    await desk.shelf.create(request_id(secret), record, timedelta(minutes=1))
    stolen = msgspec.structs.replace(started, auth_req_id=secret)
    with pytest.raises(InvalidGrant):
        await token(desk, flow_on(desk.house.registry), stolen)
    assert await desk.outcome(started) == "assertion"


HIS = Client(
    id="his",
    name="HIS",
    jwks={},
    uras=(ORGANISATION.ura,),
    redirect_uris=(),
    policy={},
    status=ClientStatus.ACTIVE,
    created_at=PERSON.created_at,
)
APPROVED = replace(
    PENDING,
    status=Status.APPROVED,
    client_id=HIS.id,
    person_id=PERSON.id,
    shown=replace(
        PENDING.shown,
        client=HIS.name,
        organisation=ORGANISATION.name,
        ura=ORGANISATION.ura,
        role_code=MEMBERSHIP.role_code,
    ),
)


def everything(tx):
    add_everybody(tx)
    clients.add(tx, HIS)
    answers.add_answer(
        tx,
        answers.Answer(
            auth_request=APPROVED.id,
            decision=answers.Decision.APPROVE,
            answer_digest="yes",
            credential_id=CREDENTIAL.id,
            answered_at=PENDING.expires_at,
            role_code=MEMBERSHIP.role_code,
            facts_digest=facts_digest(APPROVED, MEMBERSHIP.role_code),
        ),
    )


class BeforeTheFirstWrite:
    """A transaction that lets something happen when all is read and nothing written."""

    def __init__(self, tx, happen):
        self.one, self.all, self.record = tx.one, tx.all, tx.record
        self._tx, self._happen = tx, happen

    def run(self, statement, **values):
        self._happen()
        return self._tx.run(statement, **values)


CLOSINGS = {
    "phone": sa.update(credential).values(status="blocked"),
    "person": sa.update(person_table).values(status="closed"),
    "membership": sa.update(membership).values(valid_until=1),
    "organisation": sa.update(organisation).values(status="closed"),
    "client": sa.update(client_table).values(status="closed"),
    "client's organisation": sa.delete(client_organisation),
}


@pytest.fixture
async def two_nodes(postgresql_url):
    """Two registries on one PostgreSQL."""
    nodes = [open_registry(postgresql_url, chain=name, clock=utc_now) for name in ("a", "b")]
    yield nodes
    for node in nodes:
        await node.close()


@pytest.mark.parametrize("closing", CLOSINGS.values(), ids=CLOSINGS)
async def test_what_is_closed_while_a_redemption_is_committed_is_closed_after_it(
    two_nodes, closing
):
    """When "closed" is answered, the last assertion has been made."""
    one, two = two_nodes
    await one.commit(everything)
    is_read, is_closed = threading.Event(), threading.Event()
    seen = []

    def meanwhile():
        is_read.set()
        seen.append(is_closed.wait(0.3))

    def redeem(tx):
        stalled = BeforeTheFirstWrite(tx, meanwhile)
        write_redemption(stalled, APPROVED, "jti", CREDENTIAL.bound_at, KeyPolicy())

    redeeming = asyncio.create_task(one.commit(redeem))
    await asyncio.to_thread(is_read.wait, 5)
    await two.commit(lambda tx: tx.run(closing))
    is_closed.set()
    await redeeming
    assert seen == [False]


async def test_two_nodes_that_redeem_at_one_client_do_not_wait_for_each_other(two_nodes):
    one, two = two_nodes
    await one.commit(everything)
    others = replace(APPROVED, id="second")

    def second(tx):
        known = answers.get_answer(tx, APPROVED.id)
        digest = facts_digest(others, known.role_code)
        again = replace(known, auth_request=others.id, facts_digest=digest)
        answers.add_answer(tx, again)

    await one.commit(second)
    both = threading.Barrier(2, timeout=5)

    def redeem(request):
        def change(tx):
            stalled = BeforeTheFirstWrite(tx, both.wait)
            write_redemption(stalled, request, request.id, CREDENTIAL.bound_at, KeyPolicy())

        return change

    await asyncio.gather(one.commit(redeem(APPROVED)), two.commit(redeem(others)))
    assert not both.broken
