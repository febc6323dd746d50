"""A key is bound under the policy of its organisation, and no more of them than it lets."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from pairing_server.errors import Unauthenticated
from pairing_server.keys.binding import Binding, bind, policy_of, tell, vouched_acr
from pairing_server.keys.ceremony import verify_registration
from pairing_server.keys.credential import CREDENTIAL_LIFETIME
from pairing_server.keys.policy import Copies, KeyPolicy, Level
from pairing_server.keys.refusals import AttestationNotAccepted, TooManyPhones
from pairing_server.registry import credentials, organisations, phone_notices
from pairing_server.registry.phone_notices import PhoneNoticeKind
from pairing_server.settings import AssuranceLevel
from tests.keys.handset import (
    CHALLENGE,
    RP,
    URA,
    Authenticator,
    add_handset,
    add_person,
    close_person,
    registration,
)

SUBSTANTIAL = "http://eidas.europa.eu/LoA/substantial"


@pytest.fixture
def binding(person):
    """Make a binding of a new key, but for what a test says."""
    counter = iter(range(1000))

    def make(**changed):
        number = next(counter)
        key = verify_registration(RP, registration(Authenticator()), CHALLENGE)
        made = Binding(
            origin=f"pairing-{number}",
            person_id=person.id,
            key=key,
            platform="android",
            model="Pixel 9",
            app_version="1",
            device_token_digest=f"token-{number}",
            push_service=None,
            push_address=None,
            acr=SUBSTANTIAL,
            bound_by="uzi-pas",
            ura=URA,
        )
        return replace(made, **changed)

    return make


@pytest.fixture
def bound(registry, clock):
    async def run(binding, policy=KeyPolicy(), at=registry):  # noqa: B008
        return await at.commit(lambda tx: bind(tx, binding, policy, clock()))

    return run


async def test_a_bound_key_is_kept_with_its_proof_and_its_organisation(
    registry, person, binding, bound, clock, audit
):
    made = binding()
    await bound(made)
    kept = await registry.read(lambda tx: credentials.get(tx, made.key.credential_id))
    assert (kept.person_id, kept.bound_ura, kept.bound_by, kept.acr) == (
        person.id,
        URA,
        "uzi-pas",
        SUBSTANTIAL,
    )
    assert kept.expires_at - clock() <= CREDENTIAL_LIFETIME
    (event,) = await audit()
    evidence = msgspec.json.decode(event["evidence"])
    assert (event["action"], event["ura"]) == ("AuthenticatorBound", URA)
    assert {"pairing", "public_key", "attestation", "verdict", "backup_eligible"} <= set(evidence)


async def test_the_persons_other_phones_are_left_word(registry, person, binding, bound, clock):
    made = binding()
    await bound(made)
    (notice,) = await registry.read(lambda tx: phone_notices.of_person(tx, person.id, clock()))
    assert (notice.kind, notice.credential_id) == ("phone_added", made.key.credential_id)


async def test_a_person_has_no_more_phones_than_they_may(registry, binding, bound):
    policy = KeyPolicy(max_phones=2)
    await bound(binding(), policy)
    second = await bound(binding(), policy)
    with pytest.raises(TooManyPhones) as refused:
        await bound(binding(), policy)
    assert refused.value.members == {"most": 2}
    await bound(binding(replaces=second.id), policy)


@pytest.mark.parametrize("gone", [{"status": "revoked"}, {"expires_at": timedelta(seconds=-1)}])
async def test_what_opens_nothing_any_more_does_not_count(
    registry, person, clock, binding, bound, gone
):
    changed = {
        name: clock() + value if isinstance(value, timedelta) else value
        for name, value in gone.items()
    }
    await add_handset(registry, person, clock(), **changed)
    await bound(binding(), KeyPolicy(max_phones=1))


async def test_a_blocked_phone_counts_for_it_may_be_unblocked(
    registry, person, clock, binding, bound
):
    await add_handset(registry, person, clock(), status="blocked")
    with pytest.raises(TooManyPhones):
        await bound(binding(), KeyPolicy(max_phones=1))


async def test_of_two_bound_at_once_on_two_nodes_the_second_counts_the_first(
    postgresql_url, clock, open_at
):
    nodes = [open_at(postgresql_url, name) for name in ("a", "b")]
    person = await add_person(nodes[0], clock())
    keys = [verify_registration(RP, registration(Authenticator()), CHALLENGE) for _ in "12"]

    def change(number):
        made = Binding(
            origin=f"pairing-{number}",
            person_id=person.id,
            key=keys[number],
            platform="web",
            model="",
            app_version="",
            device_token_digest=f"token-{number}",
            push_service=None,
            push_address=None,
            acr=SUBSTANTIAL,
            bound_by="uzi-pas",
            ura=URA,
        )
        return lambda tx: bind(tx, made, KeyPolicy(max_phones=1), clock())

    done = await asyncio.gather(
        *(node.commit(change(number)) for number, node in enumerate(nodes)),
        return_exceptions=True,
    )
    assert [type(each) for each in done].count(TooManyPhones) == 1


async def test_the_policy_is_the_organisations(registry, binding, bound):
    strict = {"verdicts": ["hardware"], "backup_eligible": "refuse"}
    await registry.commit(lambda tx: organisations.set_key_policy(tx, URA, strict))
    server = KeyPolicy(synced=Level.SUBSTANTIAL)
    own = await registry.read(lambda tx: policy_of(tx, URA, server))
    assert (own.backup_eligible, own.synced) == (Copies.REFUSE, Level.SUBSTANTIAL)
    assert await registry.read(lambda tx: policy_of(tx, None, server)) is server
    with pytest.raises(AttestationNotAccepted):
        await bound(binding(), server)


LOW = AssuranceLevel.LOW


@pytest.mark.parametrize(
    ("key", "synced", "acr"),
    [
        ({"attestation_verdict": "hardware"}, "low", SUBSTANTIAL),
        ({"attestation_verdict": "hardware", "acr": LOW}, "low", LOW),
        ({"attestation_verdict": "hardware", "backup_eligible": True}, "low", LOW),
        ({"attestation_verdict": "unknown"}, "low", LOW),
        ({"attestation_verdict": "unknown"}, "substantial", SUBSTANTIAL),
    ],
)
async def test_a_key_vouches_for_no_more_than_it_earns(registry, person, clock, key, synced, acr):
    """The organisation where its person works is stricter than that for which it was bound."""
    handset = await add_handset(registry, person, clock(), **{"acr": SUBSTANTIAL, **key})
    await registry.commit(lambda tx: organisations.set_key_policy(tx, URA, {"synced": synced}))

    def read(tx):
        bound = replace(credentials.get(tx, handset.credential_id), bound_ura=None)
        return vouched_acr(tx, bound, KeyPolicy(synced=Level.SUBSTANTIAL))

    assert await registry.read(read) == acr


async def test_nobody_is_bound_to_a_closed_person(registry, person, binding, bound):
    await close_person(registry, person)
    with pytest.raises(Unauthenticated):
        await bound(binding())


async def test_word_is_left_once(registry, person, clock):
    handset = await add_handset(registry, person, clock())

    def leave(tx):
        phone = credentials.get(tx, handset.credential_id)
        return tell(tx, phone, PhoneNoticeKind.EXPIRING, clock(), "30")

    assert [await registry.commit(leave) for _ in range(2)] == [True, False]
