"""What a phone signs for itself and its siblings is done once, and only what was signed."""

import asyncio
from dataclasses import replace

import msgspec
import pytest
import sqlalchemy as sa

from clients.client_data import Flags, Twist
from clients.phone_challenge import change_challenge
from clients.wire import WireError
from pairing_server.errors import NotFound
from pairing_server.keys.ceremony import AuthenticationResponse
from pairing_server.keys.refusals import PhoneBlocked
from pairing_server.phones.changes import CHANGE_LIFETIME
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.tables import credential
from tests.approvals.desk import MeddlingRegistry, results
from tests.doubles import StalledStore
from tests.phones.conftest import refused


async def records(phone):
    return {each.credential_id: each for each in await phone.credentials()}


async def test_a_phone_is_renamed_and_the_evidence_is_what_was_signed(owner):
    await owner.phone.rename(owner.phone.credential_id, "Dienst 2")
    (event,) = await owner.events("PhoneRenamed")
    evidence = msgspec.json.decode(event["evidence"])
    assert (await owner.stored()).name == "Dienst 2"
    assert evidence["signed"]["value"] == "Dienst 2"
    assert set(evidence["assertion"]) == {"clientDataJSON", "authenticatorData", "signature"}


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "a\u202eb", "a\nb"])
async def test_a_name_that_cannot_be_shown_is_refused(owner, name):
    told = await refused(owner.phone.start_change("rename", owner.phone.credential_id, name))
    assert told == (400, "invalid_request")


async def test_the_chosen_phone_is_the_one_that_is_woken(owner):
    await owner.phone.register_push({"service": "fcm", "token": "one"})
    other = await owner.another(push_token="two")
    workstation = await owner.house.workstation()
    await owner.house.ask(workstation)
    everybody = {address.address for address, _ in owner.house.push.sent}
    await owner.phone.make_default(other.credential_id)
    owner.house.push.sent.clear()
    await owner.house.ask(workstation)
    await asyncio.sleep(0.1)
    assert {"one", "two"} <= everybody
    assert {address.address for address, _ in owner.house.push.sent} == {"two"}
    assert (await records(owner.phone))[other.credential_id].is_default


async def limit(owner, *phones, ura=None):
    ids = [phone.credential_id for phone in phones]
    only = sa.update(credential).where(credential.c.id.in_(ids))
    change = only.values(only_ura=ura or owner.house.holder.ura)
    await owner.house.registry.commit(lambda tx: tx.run(change))


@pytest.mark.parametrize("kind", ["rename", "default", "revoke"])
async def test_a_key_that_an_operator_bound_settles_nothing_of_one_that_a_card_did(owner, kind):
    other = await owner.another()
    await limit(owner, owner.phone)

    told = await refused(owner.phone.start_change(kind, other.credential_id, "Van mij"))

    assert told == (403, "key_not_accepted")
    assert (await owner.stored(other)).status is CredentialStatus.ACTIVE


async def test_a_key_that_an_operator_bound_blocks_any_and_settles_its_own(owner):
    other = await owner.another()
    await limit(owner, owner.phone)

    await owner.phone.rename(owner.phone.credential_id, "Dienst 2")
    await owner.phone.change("block", other.credential_id)

    assert (await owner.stored()).name == "Dienst 2"
    assert (await owner.stored(other)).status is CredentialStatus.BLOCKED


async def test_of_two_keys_of_one_operator_each_revokes_the_other(owner):
    other = await owner.another()
    await limit(owner, owner.phone, other)

    await owner.phone.change("revoke", other.credential_id)

    assert (await owner.stored(other)).status is CredentialStatus.REVOKED


async def test_no_phone_need_be_preferred(owner):
    await owner.phone.make_default(owner.phone.credential_id)
    await owner.phone.change("default", owner.phone.credential_id, "off")
    assert not (await records(owner.phone))[owner.phone.credential_id].is_default


async def test_a_chosen_phone_that_is_cut_off_is_not_waited_for(owner):
    await owner.phone.register_push({"service": "fcm", "token": "one"})
    other = await owner.another(push_token="two")
    await owner.phone.make_default(other.credential_id)
    await owner.block(other)
    owner.house.push.sent.clear()
    await owner.house.ask(await owner.house.workstation())
    await asyncio.sleep(0.1)
    assert {address.address for address, _ in owner.house.push.sent} == {"one"}


@pytest.mark.parametrize(
    ("act", "status", "told"),
    [("block", CredentialStatus.BLOCKED, 403), ("revoke", CredentialStatus.REVOKED, 401)],
)
async def test_a_lost_phone_is_cut_off_by_another_one(owner, act, status, told):
    lost = await owner.another()
    await getattr(owner.phone, act)(lost.credential_id)
    assert (await owner.stored(lost)).status is status
    assert (await refused(lost.auth_requests()))[0] == told
    assert await owner.phone.auth_requests() == []


async def test_a_phone_can_cut_itself_off(owner):
    await owner.phone.block(owner.phone.credential_id)
    assert (await refused(owner.phone.auth_requests()))[1] == "phone_blocked"


async def test_another_persons_phone_an_unknown_one_and_a_revoked_one_are_one_answer(owner):
    colleague = replace(owner.house.holder, first_names="Piet", uzi_number="900005678")
    stranger = await owner.house.bind(await owner.house.registered(colleague))
    gone = await owner.another()
    await owner.revoke(gone)
    for credential_id in (stranger.credential_id, "unknown", gone.credential_id):
        told = await refused(owner.phone.start_change("block", credential_id))
        assert told == (404, "not_found")
    assert (await owner.stored(stranger)).status is CredentialStatus.ACTIVE


WRONG = {
    "another challenge": Twist(challenge=b"another" * 4),
    "another origin": Twist(origin="https://evil.example"),
    "another rp": Twist(rp_id="evil.example"),
    "an unverified user": Twist(clear_flags=Flags.UV),
    "another signature": Twist(spoil_signature=True),
}


@pytest.mark.parametrize("twist", WRONG.values(), ids=WRONG)
async def test_what_the_key_did_not_sign_changes_nothing_and_spends_nothing(owner, twist):
    phone = owner.phone
    change = await phone.start_change("block", phone.credential_id)
    assertion = phone.authenticator.get(
        change_challenge(change.details), phone.rp_id, phone.origin, twist
    )
    path = f"/phone/changes/{change.id}"
    told = await refused(phone._call("PUT", path, {"assertion": assertion}))
    assert told == (400, "invalid_assertion")
    assert (await owner.stored()).status is CredentialStatus.ACTIVE
    await phone.sign_change(change)
    assert (await owner.stored()).status is CredentialStatus.BLOCKED


async def test_a_signature_for_another_change_of_the_same_kind_is_none(owner):
    phone, other = owner.phone, await owner.another()
    own = await phone.start_change("block", phone.credential_id)
    others = await phone.start_change("block", other.credential_id)
    assertion = phone.assertion(change_challenge(own.details))
    told = await refused(
        phone._call("PUT", f"/phone/changes/{others.id}", {"assertion": assertion})
    )
    assert told == (400, "invalid_assertion")


async def test_a_device_token_alone_changes_nothing(owner):
    thief = await owner.another()
    change = await owner.phone.start_change("block", owner.phone.credential_id)
    assertion = thief.assertion(change_challenge(change.details))
    told = await refused(
        owner.phone._call("PUT", f"/phone/changes/{change.id}", {"assertion": assertion})
    )
    assert told == (400, "invalid_assertion")


async def test_the_change_of_another_phone_is_not_there(owner):
    other = await owner.another()
    change = await owner.phone.start_change("block", owner.phone.credential_id)
    assert (await refused(other.sign_change(change)))[0] == 404


async def test_of_many_who_send_the_same_signature_one_gets_through(owner):
    change = await owner.phone.start_change("rename", owner.phone.credential_id, "A")
    assertion = owner.phone.assertion(change_challenge(change.details))
    path = f"/phone/changes/{change.id}"
    calls = [owner.phone._call("PUT", path, {"assertion": assertion}) for _ in range(8)]
    done = await results(*calls)
    assert done.count("ok") == 1
    assert len(await owner.events("PhoneRenamed")) == 1


async def test_a_change_that_is_too_old_is_not_made(owner):
    change = await owner.phone.start_change("rename", owner.phone.credential_id, "A")
    owner.house.ports.clock.advance(CHANGE_LIFETIME)
    assert (await refused(owner.phone.sign_change(change)))[0] == 410


@pytest.mark.parametrize("act", ["block", "revoke"])
async def test_a_phone_that_is_cut_off_before_the_commit_changes_nothing(owner, act):
    change = await owner.phone.start_change("rename", owner.phone.credential_id, "A")
    assertion = owner.phone.assertion(change_challenge(change.details))
    bound, registry = await owner.bound(), MeddlingRegistry(owner.house.registry)
    registry.before = getattr(owner, act)
    _, changes, *_ = owner.flows(owner.ports(registry=registry))
    with pytest.raises(PhoneBlocked):
        await changes.complete(bound, change.id, _response(assertion))
    assert (await owner.stored()).name == ""
    assert await owner.events("PhoneRenamed") == []


async def test_two_phones_that_block_each_other_at_once_end_blocked_or_one_of_them(owner):
    other = await owner.another()
    done = await asyncio.gather(
        owner.phone.block(other.credential_id),
        other.block(owner.phone.credential_id),
        return_exceptions=True,
    )
    statuses = {(await owner.stored(each)).status for each in (owner.phone, other)}
    assert CredentialStatus.BLOCKED in statuses
    assert all(each is None or isinstance(each, WireError) for each in done)


async def test_a_change_between_the_read_and_the_taking_is_not_made_twice(owner):
    change = await owner.phone.start_change("rename", owner.phone.credential_id, "A")
    first, second = (owner.phone.assertion(change_challenge(change.details)) for _ in range(2))
    bound = await owner.bound()

    async def meanwhile():
        _, changes, *_ = owner.flows(owner.ports())
        await changes.complete(bound, change.id, _response(first))

    store = StalledStore(owner.house.store, meanwhile)
    _, changes, *_ = owner.flows(owner.ports(store=store))
    with pytest.raises(NotFound):
        await changes.complete(bound, change.id, _response(second))
    assert store.stalled
    assert len(await owner.events("PhoneRenamed")) == 1


def _response(assertion):
    return msgspec.convert(assertion, AuthenticationResponse)
