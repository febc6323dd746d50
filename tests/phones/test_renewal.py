"""A renewed phone has another key and all else as it was; the old key opens nothing."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from clients.client_data import Flags, Twist
from clients.phone_challenge import renewal_challenge, renewal_details
from pairing_server.errors import NotFound
from pairing_server.keys.ceremony import AuthenticationResponse, RegistrationResponse
from pairing_server.keys.credential import CREDENTIAL_LIFETIME
from pairing_server.keys.refusals import PhoneBlocked
from pairing_server.phones.renewal import RENEWAL_LIFETIME
from pairing_server.registry import organisations
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.settings import AssuranceLevel
from tests.approvals.desk import MeddlingRegistry
from tests.doubles import StalledStore
from tests.phones.conftest import refused


async def begun(owner):
    """Begin a renewal: its id and nonce, and the phone's new key."""
    answer = await owner.phone._call("POST", "/phone/renewals", {})
    offered = msgspec.json.decode(answer.raw)
    return offered, owner.phone.authenticator.create(offered["public_key"], owner.phone.origin)


def signed(owner, offered, made, twist=None, **changed):
    """What is sent to complete it."""
    phone = owner.phone
    details = renewal_details(
        offered["id"],
        credential=phone.credential_id,
        new_credential=made["id"],
        nonce=offered["nonce"],
    )
    challenge = renewal_challenge(details | changed)
    old = phone.authenticator.credentials
    phone.authenticator.credentials = [c for c in old if c.credential_id == phone.credential_id]
    try:
        assertion = phone.authenticator.get(
            challenge, phone.rp_id, phone.origin, *([twist] if twist else [])
        )
    finally:
        phone.authenticator.credentials = old
    return {"credential": made, "assertion": assertion}


async def test_a_renewed_phone_has_another_key_and_all_else_as_it_was(owner):
    phone = owner.phone
    await phone.register_push({"service": "fcm", "token": "push"})
    await phone.rename(phone.credential_id, "Dienst 2")
    await phone.make_default(phone.credential_id)
    before = await owner.stored()
    owner.house.ports.clock.advance(timedelta(days=1000))
    renewed = await phone.renew()
    after, old = await owner.stored(renewed.credential_id), await owner.stored(before.id)
    kept = (
        "person_id name acr bound_by bound_ura device_token_digest push_service push_address"
        " platform model app_version"
    )
    for name in kept.split():
        assert getattr(after, name) == getattr(before, name)
    assert after.id != before.id
    assert after.public_key != before.public_key
    assert after.expires_at - after.bound_at == CREDENTIAL_LIFETIME
    assert (old.status, old.status_reason) == (CredentialStatus.REVOKED, "replaced")
    assert (old.device_token_digest, old.push_address) == (None, None)
    (own,) = await phone.credentials()
    assert (own.is_default, own.is_this) == (True, True)


async def test_a_key_that_may_be_copied_lets_none_earn_more_than_itself(owner):
    ura = owner.house.holder.ura
    await owner.house.registry.commit(
        lambda tx: organisations.set_key_policy(tx, ura, {"synced": "low"})
    )
    renewed = await owner.phone.renew()
    assert (await owner.stored(renewed.credential_id)).acr == AssuranceLevel.LOW


async def test_a_renewed_phone_logs_in(owner):
    await owner.phone.renew()
    workstation = await owner.house.workstation()
    started = await owner.house.approved(owner.phone, workstation)
    assert await workstation.poll_once(started) is not None


async def test_the_evidence_is_the_old_keys_word_for_the_new_one(owner):
    before = owner.phone.credential_id
    renewed = await owner.phone.renew()
    event = (await owner.events("AuthenticatorBound"))[-1]
    evidence = msgspec.json.decode(event["evidence"])
    assert (evidence["signed"]["credential"], evidence["replaces"]) == (before, before)
    assert evidence["signed"]["new_credential"] == renewed.credential_id
    assert (await history(owner))[0]["kind"] == "renewed"


async def history(owner):
    answer = await owner.phone._call("GET", "/phone/history")
    return msgspec.json.decode(answer.raw)["events"]


WRONG = {
    "another challenge": Twist(challenge=b"another" * 4),
    "another origin": Twist(origin="https://evil.example"),
    "an unverified user": Twist(clear_flags=Flags.UV),
    "another signature": Twist(spoil_signature=True),
}


@pytest.mark.parametrize("twist", WRONG.values(), ids=WRONG)
async def test_what_the_old_key_did_not_sign_renews_nothing_and_spends_nothing(owner, twist):
    offered, credential = await begun(owner)
    path = f"/phone/renewals/{offered['id']}"
    body = signed(owner, offered, credential, twist)
    assert await refused(owner.phone._call("PUT", path, body)) == (400, "invalid_assertion")
    await owner.phone._call("PUT", path, signed(owner, offered, credential))
    assert (await owner.stored()).status is CredentialStatus.REVOKED


@pytest.mark.parametrize("member", ["renewal", "credential", "new_credential", "nonce"])
async def test_every_detail_counts(owner, member):
    offered, credential = await begun(owner)
    body = signed(owner, offered, credential, **{member: "AAAA"})
    told = await refused(owner.phone._call("PUT", f"/phone/renewals/{offered['id']}", body))
    assert told == (400, "invalid_assertion")


async def test_a_new_key_for_another_challenge_is_refused(owner):
    offered, _ = await begun(owner)
    other, credential = await begun(owner)
    body = signed(owner, offered, credential)
    told = await refused(owner.phone._call("PUT", f"/phone/renewals/{offered['id']}", body))
    assert told == (400, "invalid_credential")
    assert other["id"] != offered["id"]


async def test_the_renewal_of_another_phone_is_not_there(owner):
    other = await owner.another()
    offered, credential = await begun(owner)
    body = signed(owner, offered, credential)
    path = f"/phone/renewals/{offered['id']}"
    assert await refused(other._call("PUT", path, body)) == (404, "not_found")


async def test_a_renewal_that_is_too_old_is_not_made(owner):
    offered, credential = await begun(owner)
    owner.house.ports.clock.advance(RENEWAL_LIFETIME)
    body = signed(owner, offered, credential)
    told = await refused(owner.phone._call("PUT", f"/phone/renewals/{offered['id']}", body))
    assert told[0] == 410


async def test_a_key_that_the_organisation_does_not_take_renews_nothing(owner):
    ura = owner.house.holder.ura
    await owner.house.registry.commit(
        lambda tx: organisations.set_key_policy(tx, ura, {"verdicts": ["hardware"]})
    )
    offered, credential = await begun(owner)
    body = signed(owner, offered, credential)
    told = await refused(owner.phone._call("PUT", f"/phone/renewals/{offered['id']}", body))
    assert told == (400, "attestation_not_accepted")
    assert (await owner.stored()).status is CredentialStatus.ACTIVE


def completed(owner, offered, credential, **changed):
    body = signed(owner, offered, credential)
    renewals = owner.flows(owner.ports(**changed))[2]
    return lambda bound: renewals.complete(
        bound,
        offered["id"],
        msgspec.convert(body["credential"], RegistrationResponse),
        msgspec.convert(body["assertion"], AuthenticationResponse),
    )


@pytest.mark.parametrize("act", ["block", "revoke"])
async def test_a_phone_that_is_cut_off_before_the_commit_is_not_renewed(owner, act):
    bound, (offered, credential) = await owner.bound(), await begun(owner)
    registry = MeddlingRegistry(owner.house.registry)
    registry.before = getattr(owner, act)
    with pytest.raises(PhoneBlocked):
        await completed(owner, offered, credential, registry=registry)(bound)
    assert [each.id for each in await owner.all()] == [owner.phone.credential_id]


async def test_of_two_that_complete_one_renewal_one_does(owner):
    bound, (offered, credential) = await owner.bound(), await begun(owner)
    first = completed(owner, offered, credential)
    store = StalledStore(owner.house.store, lambda: first(bound))
    with pytest.raises(NotFound):
        await completed(owner, offered, credential, store=store)(bound)
    assert store.stalled
    assert len(await owner.all()) == 2


async def test_two_renewals_at_once_leave_one_active_key(owner):
    bound = await owner.bound()
    both = [await begun(owner), await begun(owner)]
    await asyncio.gather(*(completed(owner, *one)(bound) for one in both), return_exceptions=True)
    statuses = sorted(each.status for each in await owner.all())
    assert statuses.count("active") == 1


async def test_the_other_phones_hear_of_it(owner):
    other = await owner.another(push_token="other")
    owner.house.push.sent.clear()
    await owner.phone.renew()
    assert (await other.notices())[0].kind == "phone_renewed"
    await asyncio.sleep(0.1)
    assert [address.address for address, _ in owner.house.push.sent] == ["other"]
