"""Who a hint names, and that nobody costs as much as somebody."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from pairing_server.keys.policy import KeyPolicy, Level
from pairing_server.oidc.hinted_person import Asker, Found, look_up
from pairing_server.oidc.hints import EarlierLogin, UserName, UziNumber
from pairing_server.oidc.id_token import pairwise_subject
from pairing_server.registry import answers, credentials, organisations, people
from pairing_server.registry.answers import Redemption
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.organisations import OrganisationStatus
from pairing_server.registry.people import PersonStatus
from pairing_server.registry.tables import organisation
from tests.registry.people import (
    COLLEAGUE,
    CREDENTIAL,
    MEMBERSHIP,
    NOW,
    ORGANISATION,
    PERSON,
    add_everybody,
)

SALT = b"salt"
ASKER = Asker("his", ORGANISATION.ura, SALT, KeyPolicy())
SUB = pairwise_subject(SALT, "his", PERSON.id)
EARLIER = EarlierLogin("jti-1", SUB)
UZI = UziNumber(PERSON.uzi_number)
NAME = UserName(PERSON.user_name)
REDEMPTION = Redemption(
    auth_request="request-1",
    client_id="his",
    credential_id=CREDENTIAL.id,
    jti="jti-1",
    redeemed_at=NOW,
)


@pytest.fixture(autouse=True)
async def everybody(registry):
    await registry.commit(add_everybody)
    await registry.commit(lambda tx: answers.add_redemption(tx, REDEMPTION))


class Counting:
    """A query that keeps which statements were run."""

    def __init__(self, tx):
        self.tx, self.run = tx, []

    def one(self, statement, /, **values):
        self.run.append(str(statement))
        return self.tx.one(statement, **values)

    def all(self, statement, /, **values):
        self.run.append(str(statement))
        return self.tx.all(statement, **values)


async def look(registry, hint, asker=ASKER, now=NOW):
    return await registry.read(lambda tx: look_up(tx, hint, asker, now))


async def statements(registry, hint, asker=ASKER):
    def query(tx):
        counting = Counting(tx)
        look_up(counting, hint, asker, NOW)
        return counting.run

    return await registry.read(query)


@pytest.mark.parametrize("hint", [UZI, NAME, EARLIER], ids=["uzi", "name", "login"])
async def test_each_hint_finds_the_person(registry, hint):
    lookup = await look(registry, hint)
    assert lookup.found == Found(PERSON.id, MEMBERSHIP.role_codes, has_phone=True)
    assert lookup.organisation == ORGANISATION.name


NOBODY = {
    "uzi": UziNumber("900000009"),
    "name": UserName("nobody"),
    "login": EarlierLogin("jti-2", SUB),
    "login of somebody else": EarlierLogin("jti-1", pairwise_subject(SALT, "his", "person-2")),
    "name of a colleague elsewhere": UserName(COLLEAGUE.user_name),
}


@pytest.mark.parametrize("hint", NOBODY.values(), ids=NOBODY)
async def test_nobody_is_found_elsewhere(registry, hint):
    assert (await look(registry, hint)).found is None


async def test_a_login_at_another_client_tells_this_one_nothing(registry):
    other = replace(ASKER, client_id="other")
    sub = pairwise_subject(SALT, "other", PERSON.id)
    assert (await look(registry, EarlierLogin("jti-1", sub), other)).found is None
    assert (await look(registry, EARLIER, other)).found is None


def close_person(tx):
    people.update_person(tx, replace(PERSON, status=PersonStatus.CLOSED))


def close_organisation(tx):
    tx.run(sa.update(organisation).values(status=OrganisationStatus.CLOSED))


def end_membership(tx):
    people.put_membership(tx, replace(MEMBERSHIP, valid_until=NOW))


@pytest.mark.parametrize("hint", [UZI, NAME, EARLIER], ids=["uzi", "name", "login"])
@pytest.mark.parametrize("end", [close_person, close_organisation, end_membership])
async def test_who_has_left_is_nobody_and_costs_as_much(registry, hint, end):
    before = await statements(registry, hint)
    await registry.commit(end)
    assert (await look(registry, hint)).found is None
    assert await statements(registry, hint) == before


async def test_an_organisation_that_is_not_there_has_nobody(registry):
    lookup = await look(registry, UZI, replace(ASKER, ura="87654321"))
    assert (lookup.found, lookup.organisation) == (None, "")


async def test_a_phone_that_cannot_answer_is_none(registry):
    later = CREDENTIAL.expires_at
    long = replace(MEMBERSHIP, valid_until=later + timedelta(days=1))
    await registry.commit(lambda tx: people.put_membership(tx, long))
    assert not (await look(registry, UZI, now=later)).found.has_phone
    hardware = replace(ASKER, policy=KeyPolicy(verdicts=("hardware",)))
    assert not (await look(registry, UZI, hardware)).found.has_phone
    active, blocked = CredentialStatus.ACTIVE, CredentialStatus.BLOCKED
    await registry.commit(
        lambda tx: credentials.set_status(tx, CREDENTIAL.id, active, blocked, NOW)
    )
    assert not (await look(registry, UZI)).found.has_phone


async def test_the_policy_is_the_organisations(registry):
    own = {"synced": "substantial"}
    await registry.commit(lambda tx: organisations.set_key_policy(tx, ORGANISATION.ura, own))
    assert (await look(registry, UZI)).policy.synced is Level.SUBSTANTIAL
    assert (await look(registry, NOBODY["uzi"])).policy.synced is Level.SUBSTANTIAL


@pytest.mark.parametrize(
    ("there", "not_there"),
    [
        (UZI, NOBODY["uzi"]),
        (NAME, NOBODY["name"]),
        (NAME, NOBODY["name of a colleague elsewhere"]),
        (EARLIER, NOBODY["login"]),
        (EARLIER, NOBODY["login of somebody else"]),
    ],
)
async def test_the_same_statements_are_run_for_nobody(registry, there, not_there):
    run = await statements(registry, there)
    assert len(run) >= 4
    assert await statements(registry, not_there) == run
