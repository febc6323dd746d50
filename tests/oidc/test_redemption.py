"""An approval is worth something only while everything that it rests on stands."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from pairing_server.keys.seal import SealError
from pairing_server.oidc.flow import LoginFlow
from pairing_server.oidc.metadata import CIBA_GRANT_TYPE
from pairing_server.oidc.refusals import AccessDenied, InvalidGrant
from pairing_server.registry import RegistryUnavailableError, clients, credentials, people
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.people import PersonStatus
from pairing_server.registry.tables import client as client_table
from pairing_server.registry.tables import (
    client_organisation,
    credential,
    membership,
    organisation,
)
from tests.approvals.desk import Desk, MeddlingRegistry, UnreliableRegistry


async def change(desk, *statements):
    def run(tx):
        for statement in statements:
            assert tx.run(statement) == 1

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
        assert credentials.set_status(tx, desk.phone.credential_id, active, blocked)

    await desk.house.registry.commit(block)


async def revoke(desk):
    await desk.house.phone_status().revoke(desk.phone.credential_id, "operator:test")


async def close_client(desk):
    await change(desk, sa.update(client_table).values(status="closed"))


ENDS = [
    close_person,
    end_membership,
    remove_membership,
    close_organisation,
    stop_serving,
    expire_credential,
    block_behind_the_servers_back,
    Desk.block,
    revoke,
]


@pytest.mark.parametrize("end", ENDS)
async def test_what_ends_after_the_approval_refuses_the_assertion(desk, end):
    started = await desk.approved()
    await end(desk)
    assert await desk.outcome(started) == "revoked"
    assert await desk.outcome(started) == "revoked"
    assert await desk.count("redemptions") == 0
    assert await desk.actions("AssertionIssued", "AssertionRefused") == ["AssertionRefused"]


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
        return LoginFlow(
            replace(ports, registry=registry),
            desk.flow(registry=registry),
            stores.keys,
            issuer=desk.house.base_url,
            pairwise_salt=stores.pairwise_salt,
        )

    return make


async def token(desk, flow, started):
    client = await desk.house.registry.read(lambda tx: clients.get(tx, desk.client_id))
    form = {"grant_type": CIBA_GRANT_TYPE, "auth_req_id": started.auth_req_id}
    return await flow.token(form, client, timedelta(0))


@pytest.mark.parametrize("end", [*ENDS, close_client])
async def test_what_ends_between_the_poll_and_the_commit_refuses_the_assertion(desk, flow_on, end):
    started = await desk.approved()
    registry = MeddlingRegistry(desk.house.registry)
    registry.before = lambda: end(desk)
    with pytest.raises(AccessDenied) as refused:
        await token(desk, flow_on(registry), started)
    assert refused.value.members == {"reason": "revoked"}
    assert await desk.count("redemptions") == 0
    assert await desk.actions("AssertionIssued", "AssertionRefused") == ["AssertionRefused"]


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
