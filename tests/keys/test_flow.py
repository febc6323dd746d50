"""Device tokens: who a token stands for, how one follows another, and how one is recovered."""

import asyncio
import json
import secrets
from datetime import timedelta

import pytest

from clients.client_data import Flags, Twist
from pairing_server.errors import Conflict, Expired, InvalidRequest, NotFound, Unauthenticated
from pairing_server.keys.credential import unbind_challenge
from pairing_server.keys.flow import OVERTAKEN_BY, TOKEN_CHALLENGE_LIFETIME, PhoneFlow
from pairing_server.keys.refusals import (
    InvalidAssertion,
    NotUnblocked,
    PhoneBlocked,
    PhoneExpired,
)
from pairing_server.ports import Ports
from pairing_server.registry import credentials
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.tokens import b64url_decode, digest, new_secret
from tests.keys.handset import (
    RP,
    MeanwhileRegistry,
    add_handset,
    add_person,
    close_person,
)


def draw():
    return new_secret(secrets.token_bytes)


async def stored(registry, handset):
    return await registry.read(lambda tx: credentials.get(tx, handset.credential_id))


def stalled_flow(ports, status, meanwhile):
    """Build a flow whose next commit comes after another step."""
    registry = MeanwhileRegistry(ports.registry, meanwhile)
    return registry, PhoneFlow(Ports(registry, ports.store, ports.clock, ports.random), RP, status)


async def recovered(flow, handset, twist=None, token=None):
    """Recover a device token with the key, and return it."""
    token = token or draw()
    identifier, challenge = await flow.challenge_for_token()
    signed = handset.sign(b64url_decode(challenge), twist or Twist())
    await flow.replace_device_token(identifier, signed, token)
    return token


async def refuses(flow, token, refusal=Unauthenticated):
    with pytest.raises(refusal):
        await flow.authenticate(token)


async def test_a_token_stands_for_its_phone(flow, handset, person):
    phone = await flow.authenticate(handset.device_token)
    assert (phone.credential.id, phone.person.id) == (handset.credential_id, person.id)


async def test_no_other_token_stands_for_a_phone(flow, handset):
    await refuses(flow, draw())
    await refuses(flow, digest(handset.device_token))
    await refuses(flow, "")


@pytest.mark.parametrize(
    ("status", "refusal"),
    [(CredentialStatus.BLOCKED, PhoneBlocked), (CredentialStatus.REVOKED, Unauthenticated)],
)
async def test_a_phone_that_was_cut_off_opens_nothing(
    flow, registry, person, clock, status, refusal
):
    handset = await add_handset(registry, person, clock(), status=status)
    await refuses(flow, handset.device_token, refusal)


async def test_an_expired_key_opens_nothing(flow, handset, clock):
    clock.advance(timedelta(days=365) - timedelta(seconds=5))
    await flow.authenticate(handset.device_token)
    clock.advance(timedelta(seconds=6))
    with pytest.raises(PhoneExpired):
        await flow.authenticate(handset.device_token)


async def test_the_phone_of_a_closed_person_opens_nothing(flow, handset, registry, person):
    await close_person(registry, person)
    await refuses(flow, handset.device_token)


async def test_the_old_token_lives_until_the_first_use_of_the_new(flow, handset):
    old, new = handset.device_token, draw()
    await flow.announce_device_token(await flow.authenticate(old), new)
    await flow.authenticate(old)
    await flow.authenticate(new)
    await refuses(flow, old)
    await flow.authenticate(new)


async def test_a_second_announcement_takes_the_place_of_the_first(flow, handset):
    first, second = draw(), draw()
    phone = await flow.authenticate(handset.device_token)
    await flow.announce_device_token(phone, first)
    await flow.announce_device_token(phone, second)
    await refuses(flow, first)
    await flow.authenticate(second)


async def test_the_same_announcement_again_is_harmless(flow, handset):
    new = draw()
    phone = await flow.authenticate(handset.device_token)
    await flow.announce_device_token(phone, new)
    await flow.announce_device_token(phone, new)
    await flow.authenticate(new)


async def test_first_uses_at_once_all_pass(flow, handset):
    new = draw()
    await flow.announce_device_token(await flow.authenticate(handset.device_token), new)
    phones = await asyncio.gather(*(flow.authenticate(new) for _ in range(16)))
    assert {phone.credential.id for phone in phones} == {handset.credential_id}


async def test_a_blocked_phone_adopts_no_token(flow, status, handset, registry):
    new = draw()
    await flow.announce_device_token(await flow.authenticate(handset.device_token), new)
    await status.block(handset.credential_id, "operator:test")
    await refuses(flow, new, PhoneBlocked)
    assert (await stored(registry, handset)).next_device_token_digest == digest(new)


async def test_a_token_in_use_or_announced_is_nobody_elses(flow, handset, registry, clock):
    person = await add_person(registry, clock(), "900005678")
    other = await add_handset(registry, person, clock())
    phone = await flow.authenticate(handset.device_token)
    announced = draw()
    await flow.announce_device_token(await flow.authenticate(other.device_token), announced)
    for taken in (other.device_token, announced, handset.device_token):
        with pytest.raises(Conflict):
            await flow.announce_device_token(phone, taken)


async def test_of_two_who_announce_one_token_at_once_one_gets_it(flow, registry, person, clock):
    handsets = [await add_handset(registry, person, clock()) for _ in range(2)]
    phones = [await flow.authenticate(each.device_token) for each in handsets]
    new = draw()
    announcements = [flow.announce_device_token(phone, new) for phone in phones]
    outcomes = await asyncio.gather(*announcements, return_exceptions=True)
    assert outcomes.count(None) == 1
    assert {type(each) for each in outcomes} == {type(None), Conflict}


async def test_a_stolen_token_that_died_plants_no_other(flow, handset, registry):
    """The thief's call was authenticated, and then its body kept coming until the recovery."""
    thief = await flow.authenticate(handset.device_token)
    own = await recovered(flow, handset)
    planted = draw()
    with pytest.raises(Unauthenticated):
        await flow.announce_device_token(thief, planted)
    with pytest.raises(Unauthenticated):
        await flow.set_push(thief, "fcm", "thief")
    await refuses(flow, planted)
    await flow.authenticate(own)
    assert (await stored(registry, handset)).push_address is None


@pytest.mark.parametrize("act", ["block", "revoke"])
async def test_a_phone_that_was_cut_off_meanwhile_writes_nothing(
    flow, status, handset, registry, act
):
    phone = await flow.authenticate(handset.device_token)
    await getattr(status, act)(handset.credential_id, "operator:test")
    with pytest.raises(Unauthenticated):
        await flow.set_push(phone, "fcm", "token")
    with pytest.raises(Unauthenticated):
        await flow.announce_device_token(phone, draw())
    assert (await stored(registry, handset)).push_address is None


async def test_an_announced_token_that_dies_before_its_first_use_opens_nothing(
    flow, ports, status, handset
):
    announced = draw()
    await flow.announce_device_token(await flow.authenticate(handset.device_token), announced)
    registry, other = stalled_flow(ports, status, lambda: recovered(flow, handset))
    await refuses(other, announced)
    assert registry.stalled


async def test_a_push_address_is_kept(flow, handset, registry):
    phone = await flow.authenticate(handset.device_token)
    await flow.set_push(phone, "fcm", "token")
    assert (await stored(registry, handset)).push_address == "token"
    await flow.set_push(phone, None, None)
    assert (await stored(registry, handset)).push_address is None


async def test_the_key_alone_gets_a_new_token(flow, handset, registry, person, audit):
    announced = draw()
    await flow.announce_device_token(await flow.authenticate(handset.device_token), announced)
    new = await recovered(flow, handset)
    await flow.authenticate(new)
    await refuses(flow, handset.device_token)
    await refuses(flow, announced)
    (event,) = await audit()
    assert event["action"] == "DeviceTokenReplaced"
    assert event["actor"] == f"person:{person.id}"
    assert event["object"] == f"credential:{handset.credential_id}"
    assert (await stored(registry, handset)).sign_count == 1


async def test_a_recovery_keeps_where_the_phone_was_last_used(flow, registry, person, clock):
    handset = await add_handset(registry, person, clock(), last_used_workstation="Balie 1")
    await recovered(flow, handset)
    assert (await stored(registry, handset)).last_used_workstation == "Balie 1"


async def test_a_challenge_is_used_once(flow, handset):
    identifier, challenge = await flow.challenge_for_token()
    answers = [handset.sign(b64url_decode(challenge)) for _ in range(16)]
    outcomes = await asyncio.gather(
        *(flow.replace_device_token(identifier, each, draw()) for each in answers),
        return_exceptions=True,
    )
    assert outcomes.count(None) == 1
    assert len([each for each in outcomes if isinstance(each, NotFound)]) == 15


async def test_a_challenge_that_was_answered_wrongly_is_used_up(flow, handset):
    identifier, challenge = await flow.challenge_for_token()
    wrong = handset.sign(b64url_decode(challenge), Twist(spoil_signature=True))
    with pytest.raises(InvalidAssertion):
        await flow.replace_device_token(identifier, wrong, draw())
    with pytest.raises(NotFound):
        await flow.replace_device_token(identifier, handset.sign(b64url_decode(challenge)), draw())


async def test_an_old_challenge_is_refused(flow, handset, clock):
    identifier, challenge = await flow.challenge_for_token()
    clock.advance(TOKEN_CHALLENGE_LIFETIME)
    with pytest.raises(Expired):
        await flow.replace_device_token(identifier, handset.sign(b64url_decode(challenge)), draw())


WRONG = {
    "another challenge": Twist(challenge=b"another" * 4),
    "another origin": Twist(origin="https://evil.example"),
    "another signature": Twist(spoil_signature=True),
    "a key that may be backed up": Twist(set_flags=Flags.BE),
}


@pytest.mark.parametrize("twist", WRONG.values(), ids=WRONG)
async def test_what_the_key_did_not_sign_recovers_nothing(flow, registry, person, clock, twist):
    handset = await add_handset(registry, person, clock(), sign_count=5)
    handset.authenticator.credentials[0].sign_count = 5
    with pytest.raises(InvalidAssertion):
        await recovered(flow, handset, twist)
    await flow.authenticate(handset.device_token)


async def test_a_copied_key_recovers_nothing_and_is_blocked(flow, registry, person, clock):
    handset = await add_handset(registry, person, clock(), sign_count=5)
    handset.authenticator.credentials[0].sign_count = 5
    with pytest.raises(PhoneBlocked):
        await recovered(flow, handset, Twist(sign_count=5))
    assert (await stored(registry, handset)).status_reason == "sign_count"


@pytest.mark.parametrize(
    ("count", "refusal"),
    [
        (9, InvalidAssertion),
        (9 - OVERTAKEN_BY, InvalidAssertion),
        (8 - OVERTAKEN_BY, PhoneBlocked),
    ],
)
async def test_who_signs_again_and_again_does_not_keep_the_alarm_from_being_raised(
    flow, registry, person, clock, count, refusal
):
    """A copy that is used all the time lets the other one never be more than seconds behind."""
    handset = await add_handset(registry, person, clock(), sign_count=9, last_used_at=clock())
    handset.authenticator.credentials[0].sign_count = 9
    with pytest.raises(refusal):
        await recovered(flow, handset, Twist(sign_count=count))


async def test_the_copy_of_a_blocked_key_is_found_too(
    flow, status, registry, person, clock, audit
):
    """Else a lost phone whose key was copied could be unblocked."""
    handset = await add_handset(registry, person, clock(), sign_count=5)
    handset.authenticator.credentials[0].sign_count = 5
    await status.block(handset.credential_id, "operator:test")
    for _ in range(2):
        with pytest.raises(PhoneBlocked):
            await recovered(flow, handset, Twist(sign_count=5))
    assert [event["action"] for event in await audit()][1:] == ["CloneSuspected"]
    with pytest.raises(NotUnblocked):
        await status.unblock(handset.credential_id, "operator:test")


async def test_a_key_that_is_not_bound_recovers_nothing(flow, handset, registry, person, clock):
    other = await add_handset(registry, person, clock())
    handset.authenticator.credentials = other.authenticator.credentials
    own = await stored(registry, handset)
    await recovered(flow, handset)
    assert await stored(registry, handset) == own
    handset.authenticator.credentials[0].credential_id = "AAAA"
    with pytest.raises(InvalidAssertion, match="unknown"):
        await recovered(flow, handset)


async def test_a_blocked_phone_recovers_nothing_and_only_its_key_learns_why(flow, status, handset):
    await status.block(handset.credential_id, "operator:test")
    with pytest.raises(PhoneBlocked):
        await recovered(flow, handset)
    with pytest.raises(InvalidAssertion):
        await recovered(flow, handset, Twist(spoil_signature=True))


async def test_a_revoked_phone_recovers_nothing(flow, status, handset):
    await status.revoke(handset.credential_id, "operator:test")
    with pytest.raises(InvalidAssertion, match="not active"):
        await recovered(flow, handset)


async def test_an_expired_phone_recovers_nothing(flow, handset, clock):
    clock.advance(timedelta(days=366))
    with pytest.raises(InvalidAssertion, match="not active"):
        await recovered(flow, handset)


async def test_the_phone_of_a_closed_person_recovers_nothing(flow, handset, registry, person):
    await close_person(registry, person)
    with pytest.raises(InvalidAssertion, match="closed"):
        await recovered(flow, handset)


@pytest.mark.parametrize("act", ["block", "revoke"])
async def test_a_block_between_the_signature_and_the_commit_wins(
    flow, ports, status, handset, act
):
    registry, other = stalled_flow(
        ports, status, lambda: getattr(status, act)(handset.credential_id, "operator:test")
    )
    with pytest.raises(InvalidAssertion):
        await recovered(other, handset)
    assert registry.stalled


async def test_one_count_is_used_once(flow, ports, status, handset):
    registry, other = stalled_flow(
        ports, status, lambda: recovered(flow, handset, Twist(sign_count=7))
    )
    with pytest.raises(InvalidAssertion, match="count"):
        await recovered(other, handset, Twist(sign_count=7))
    assert registry.stalled


async def test_no_token_is_recovered_that_a_phone_has(flow, handset, registry, person, clock):
    other = await add_handset(registry, person, clock())
    with pytest.raises(InvalidRequest):
        await recovered(flow, handset, token=other.device_token)
    await flow.authenticate(other.device_token)
    await flow.authenticate(handset.device_token)


async def test_a_phone_unbinds_itself_by_its_key(flow, handset, registry, person, audit, cut_off):
    phone = await flow.authenticate(handset.device_token)
    await flow.unbind(phone, handset.sign(unbind_challenge(handset.credential_id)))
    assert (await stored(registry, handset)).status is CredentialStatus.REVOKED
    await refuses(flow, handset.device_token)
    (event,) = await audit()
    assert (event["action"], event["actor"]) == ("AuthenticatorRevoked", f"person:{person.id}")
    assert cut_off.people == [person.id]


@pytest.mark.parametrize("twist", WRONG.values(), ids=WRONG)
async def test_what_the_key_did_not_sign_unbinds_nothing(flow, registry, person, clock, twist):
    handset = await add_handset(registry, person, clock(), sign_count=5)
    phone = await flow.authenticate(handset.device_token)
    with pytest.raises(InvalidAssertion):
        await flow.unbind(phone, handset.sign(unbind_challenge(handset.credential_id), twist))
    assert (await stored(registry, handset)).status is CredentialStatus.ACTIVE


async def test_a_key_that_says_now_that_it_may_be_backed_up_unbinds_nothing(flow, handset):
    phone = await flow.authenticate(handset.device_token)
    changed = Twist(set_flags=Flags.BE)
    with pytest.raises(InvalidAssertion, match="eligib"):
        await flow.unbind(phone, handset.sign(unbind_challenge(handset.credential_id), changed))


async def test_another_phones_unbinding_unbinds_nothing(flow, handset, registry, person, clock):
    other = await add_handset(registry, person, clock())
    phone = await flow.authenticate(handset.device_token)
    with pytest.raises(InvalidAssertion):
        await flow.unbind(phone, other.sign(unbind_challenge(other.credential_id)))
    assert (await stored(registry, handset)).status is CredentialStatus.ACTIVE


async def test_of_many_unbindings_at_once_one_revokes(flow, handset, audit):
    phone = await flow.authenticate(handset.device_token)
    challenge = unbind_challenge(handset.credential_id)
    calls = [flow.unbind(phone, handset.sign(challenge)) for _ in range(8)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert outcomes.count(None) == 1
    assert len([each for each in outcomes if isinstance(each, Conflict)]) == 7
    assert len(await audit()) == 1


async def test_what_a_stolen_token_can_change_leaves_a_trace(house):
    phone = await house.bind()
    await phone.rotate_device_token()
    await phone.credential()
    await phone.register_push({"service": "fcm", "token": "address-of-a-thief"})
    await phone.register_push({"service": "fcm", "token": "address-of-a-thief"})

    traces = [
        (event["action"], json.loads(event["evidence"]))
        for event in await house.events()
        if event["action"] in {"DeviceTokenReplaced", "PushAddressChanged"}
    ]
    assert traces == [
        ("DeviceTokenReplaced", {"by": "rotation"}),
        ("PushAddressChanged", {"service": "fcm"}),
    ]
