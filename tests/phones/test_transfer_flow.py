"""A new phone gets a key by the old one's signature, once, and by nobody else's."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from clients.auth_request import WrongCode
from clients.client_data import Flags, Twist
from clients.phone import SoftwarePhone
from clients.transfer import TransferEnded, transfer_challenge, transfer_details
from clients.wire import WireError, b64url_decode
from pairing_server.keys.ceremony import AuthenticationResponse
from pairing_server.keys.refusals import PhoneBlocked
from pairing_server.phones.details import TRANSFER, challenge
from pairing_server.phones.refusals import TransferClosed
from pairing_server.phones.transfer_flow import Answer
from pairing_server.registry import RegistryUnavailableError, organisations, people
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.settings import AssuranceLevel
from tests.approvals.desk import MeddlingRegistry, results
from tests.phones.conftest import refused


async def test_a_new_phone_is_bound_by_the_old_ones_signature(owner, handing):
    await handing.approve()
    bound = await handing.new.wait_transferred(handing.offered.id)
    old, new = await owner.stored(), await owner.stored(bound)
    assert (new.person_id, new.acr, new.bound_by, new.bound_ura) == (
        old.person_id,
        old.acr,
        old.bound_by,
        old.bound_ura,
    )
    assert old.status is CredentialStatus.ACTIVE
    assert await handing.new.auth_requests() == []
    event = (await owner.events("AuthenticatorBound"))[-1]
    evidence = msgspec.json.decode(event["evidence"])
    signed = evidence["signed"]
    assert (signed["new_credential"], signed["credential"]) == (bound, old.id)
    client_data = msgspec.json.decode(b64url_decode(evidence["assertion"]["clientDataJSON"]))
    assert b64url_decode(client_data["challenge"]) == challenge(TRANSFER, signed)


async def test_a_key_that_may_be_copied_lets_none_earn_more_than_itself(owner, handing):
    """Else whoever got a synced passkey made of it a key in hardware, and substantial."""
    ura = owner.house.holder.ura
    await owner.house.registry.commit(
        lambda tx: organisations.set_key_policy(tx, ura, {"synced": "low"})
    )
    await handing.approve()
    bound = await handing.new.wait_transferred(handing.offered.id)
    assert (await owner.stored(bound)).acr == AssuranceLevel.LOW


async def test_the_old_key_ends_in_the_commit_that_binds_the_new_one_if_asked(owner, handing):
    await owner.phone.register_push({"service": "fcm", "token": "old"})
    await owner.phone.make_default(owner.phone.credential_id)
    await handing.approve(revoke=True)
    bound = await handing.new.wait_transferred(handing.offered.id)
    old = await owner.stored()
    assert (old.status, old.status_reason) == (CredentialStatus.REVOKED, "replaced")
    assert (old.device_token_digest, old.push_address) == (None, None)
    assert (await refused(owner.phone.auth_requests()))[0] == 401
    person = await owner.house.registry.read(lambda tx: people.get_person(tx, old.person_id))
    assert person.default_phone == bound


async def test_what_was_open_stays_open_for_the_new_phone(owner, handing):
    workstation = await owner.house.workstation()
    started = await owner.house.ask(workstation)
    await handing.approve(revoke=True)
    await handing.new.wait_transferred(handing.offered.id)
    (request,) = await handing.new.auth_requests()
    await handing.new.approve(request, started.binding_code)
    assert await workstation.poll_once(started) is not None


async def test_what_the_old_phone_approved_is_not_redeemed_once_it_is_replaced(owner, handing):
    workstation = await owner.house.workstation()
    started = await owner.house.approved(owner.phone, workstation)
    await handing.approve(revoke=True)
    with pytest.raises(WireError) as told:
        await workstation.poll_once(started)
    assert told.value.body["reason"] == "revoked"


async def test_both_phones_are_shown_what_the_other_one_is(owner, handing):
    seen = await handing.new.transfer(handing.offered.id)
    assert handing.claimed.device == handing.new.device
    assert (seen.identity.name, seen.identity.ura) == ("Jan Jansen", owner.house.holder.ura)
    assert handing.proved.new_credential == handing.new.credential_id


async def test_nothing_is_said_of_the_person_before_the_old_phone_has_scanned(offer):
    new, offered = await offer()
    seen = await new.transfer(offered.id)
    assert (seen.status, seen.identity, seen.public_key) == ("offered", None, None)


async def test_the_other_phones_are_told(owner, handing):
    third = await owner.another(push_token="third")
    owner.house.push.sent.clear()
    await handing.approve()
    newest, *_ = await third.notices()
    assert (newest.kind, newest.credential_id) == ("phone_added", handing.new.credential_id)
    await asyncio.sleep(0.1)
    assert [address.address for address, _ in owner.house.push.sent] == ["third"]


async def test_three_wrong_codes_end_it(owner, handing):
    wrong = ["000000" if handing.offered.code != "000000" else "111111", "12345", "abcdef"]
    left = []
    for code in wrong:
        with pytest.raises(WrongCode) as told:
            await handing.approve(code)
        left.append(told.value.attempts_left)
    assert left == [2, 1, 0]
    assert (await refused(handing.approve()))[1] == "transfer_closed"
    with pytest.raises(TransferEnded):
        await handing.new.wait_transferred(handing.offered.id)
    assert len(await owner.all()) == 1
    (event,) = await owner.events("TransferRefused")
    assert msgspec.json.decode(event["evidence"])["reason"] == "three wrong codes"


async def test_of_64_codes_at_once_three_are_compared(owner, handing):
    async def one(number):
        await handing.approve(f"{number:05}x")

    done = await results(*(one(number) for number in range(64)))
    assert done.count("wrong_code") == 3
    assert set(done) == {"wrong_code", "transfer_closed"}
    assert len(await owner.all()) == 1


async def test_the_same_wrong_answer_again_is_counted_once(owner, handing):
    phone, proved = owner.phone, handing.proved
    details = transfer_details(
        handing.claimed,
        phone.credential_id,
        proved.new_credential,
        revoke=False,
        code="wrong!",
    )
    body = {
        "decision": "approve",
        "code": "wrong!",
        "revoke": False,
        "assertion": phone.assertion(transfer_challenge(details)),
    }
    path = f"/phone/transfers/{handing.offered.id}/answer"
    told = [await refused(phone._call("PUT", path, body)) for _ in range(4)]
    assert told == [(422, "wrong_code")] * 4
    await handing.approve()


async def test_the_old_phone_can_say_no(owner, handing):
    await owner.phone.deny_transfer(handing.offered.id)
    await owner.phone.deny_transfer(handing.offered.id)
    assert (await refused(handing.approve()))[1] == "transfer_closed"
    assert len(await owner.events("TransferRefused")) == 1
    assert len(await owner.all()) == 1


WRONG = {
    "another challenge": Twist(challenge=b"another" * 4),
    "another origin": Twist(origin="https://evil.example"),
    "another rp": Twist(rp_id="evil.example"),
    "an unverified user": Twist(clear_flags=Flags.UV),
    "another signature": Twist(spoil_signature=True),
}


@pytest.mark.parametrize("twist", WRONG.values(), ids=WRONG)
async def test_what_the_old_key_did_not_sign_binds_nothing_and_counts_nothing(
    owner, handing, twist
):
    phone = owner.phone
    details = transfer_details(
        handing.claimed,
        phone.credential_id,
        handing.proved.new_credential,
        revoke=False,
        code=handing.offered.code,
    )
    assertion = phone.authenticator.get(
        transfer_challenge(details), phone.rp_id, phone.origin, twist
    )
    body = {
        "decision": "approve",
        "code": handing.offered.code,
        "revoke": False,
        "assertion": assertion,
    }
    told = await refused(phone.answer_transfer(handing.offered.id, body))
    assert told == (400, "invalid_assertion")
    assert len(await owner.all()) == 1
    assert (await phone.transfer(handing.offered.id)).attempts_left == 3


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("new_credential", "AAAA"),
        ("platform", "ios"),
        ("model", "Pixel"),
        ("nonce", "n"),
        ("revoke", "true"),
        ("decision", "deny"),
        ("transfer", "AAAA"),
    ],
)
async def test_every_detail_of_the_new_phone_counts(owner, handing, member, value):
    phone = owner.phone
    details = transfer_details(
        handing.claimed,
        phone.credential_id,
        handing.proved.new_credential,
        revoke=False,
        code=handing.offered.code,
    )
    assertion = phone.assertion(transfer_challenge(details | {member: value}))
    body = {
        "decision": "approve",
        "code": handing.offered.code,
        "revoke": False,
        "assertion": assertion,
    }
    assert await refused(phone.answer_transfer(handing.offered.id, body)) == (
        400,
        "invalid_assertion",
    )


async def test_a_stolen_device_token_gives_no_key_away(owner, handing):
    thief = await owner.another()
    details = transfer_details(
        handing.claimed,
        owner.phone.credential_id,
        handing.proved.new_credential,
        revoke=False,
        code=handing.offered.code,
    )
    body = {
        "decision": "approve",
        "code": handing.offered.code,
        "revoke": False,
        "assertion": thief.assertion(transfer_challenge(details)),
    }
    told = await refused(owner.phone.answer_transfer(handing.offered.id, body))
    assert told == (400, "invalid_assertion")


async def test_the_first_scan_has_the_transfer(owner, offer):
    other = await owner.another()
    _, offered = await offer()
    first = await owner.phone.claim_transfer(offered.link)
    again = await owner.phone.claim_transfer(offered.link)
    assert (again.id, again.nonce) == (first.id, first.nonce)
    assert await refused(other.claim_transfer(offered.link)) == (404, "not_found")


async def test_a_wrong_secret_an_unknown_transfer_and_another_phones_are_one_answer(owner, offer):
    _, offered = await offer()
    stranger = SoftwarePhone(owner.house.http)
    stranger._wire = owner.phone._wire
    wrong = offered.link[:-1] + ("A" if offered.link[-1] != "A" else "B")
    unknown = offered.link.replace(offered.id, "A" * 22)
    assert await refused(owner.phone.claim_transfer(wrong)) == (404, "not_found")
    assert await refused(owner.phone.claim_transfer(unknown)) == (404, "not_found")
    await owner.phone.claim_transfer(offered.link)
    assert (await refused(stranger.transfer(offered.id)))[0] == 401
    other = await owner.another()
    assert await refused(other.transfer(offered.id)) == (404, "not_found")
    assert await refused(other.deny_transfer(offered.id)) == (404, "not_found")


async def test_a_transfer_that_is_too_old_is_over_for_both(owner, handing):
    owner.house.ports.clock.advance(timedelta(minutes=5))
    assert (await refused(handing.approve()))[0] == 410
    assert (await handing.new.transfer(handing.offered.id)).status == "expired"
    assert len(await owner.all()) == 1


async def test_a_key_is_not_made_before_the_old_phone_has_scanned(owner, offer):
    new, offered = await offer()
    page = await owner.house.bind(owner.page)
    body = {"credential": page.authenticator.create(_options(owner), new.origin)}
    told = await refused(new._call("POST", f"/phone/transfers/{offered.id}/credential", body))
    assert told == (409, "transfer_closed")


def _options(owner):
    return {
        "rp": {"id": owner.phone.rp_id},
        "user": {"id": "AAAA"},
        "challenge": "AAAA",
        "pubKeyCredParams": [{"alg": -7}],
    }


async def test_a_held_look_hears_of_the_scan(owner, offer):
    new, offered = await offer()
    waiting = asyncio.create_task(new.wait_claimed(offered.id))
    await asyncio.sleep(0.2)
    await owner.phone.claim_transfer(offered.link)
    seen = await asyncio.wait_for(waiting, 10)
    assert seen.status == "claimed"


def answer_of(owner, handing, *, revoke=False):
    phone = owner.phone
    details = transfer_details(
        handing.claimed,
        phone.credential_id,
        handing.proved.new_credential,
        revoke=revoke,
        code=handing.offered.code,
    )
    assertion = phone.assertion(transfer_challenge(details))
    return Answer(
        code=handing.offered.code,
        revoke=revoke,
        assertion=msgspec.convert(assertion, AuthenticationResponse),
    )


@pytest.mark.parametrize("act", ["block", "revoke"])
async def test_an_old_phone_that_is_cut_off_before_the_commit_gives_no_key_away(
    owner, handing, act
):
    bound, answer = await owner.bound(), answer_of(owner, handing)
    registry = MeddlingRegistry(owner.house.registry)
    registry.before = getattr(owner, act)
    transfers = owner.flows(owner.ports(registry=registry))[3]
    with pytest.raises(PhoneBlocked):
        await transfers.approve(bound, handing.offered.id, answer)
    assert [each.id for each in await owner.all()] == [owner.phone.credential_id]
    assert (await handing.new.transfer(handing.offered.id)).status == "refused"


@pytest.mark.parametrize("act", ["block", "revoke"])
async def test_an_old_phone_that_is_cut_off_between_scan_and_answer_gives_no_key_away(
    owner, handing, act
):
    await getattr(owner, act)()
    assert (await refused(handing.approve()))[0] in (401, 403)
    assert [each.id for each in await owner.all()] == [owner.phone.credential_id]


async def test_an_answer_whose_commit_got_lost_is_not_made_twice(owner, handing):
    bound, answer = await owner.bound(), answer_of(owner, handing)
    registry = MeddlingRegistry(owner.house.registry)
    registry.away, registry.keeps = 1, True
    transfers = owner.flows(owner.ports(registry=registry))[3]
    with pytest.raises(RegistryUnavailableError):
        await transfers.approve(bound, handing.offered.id, answer)
    assert (await handing.new.transfer(handing.offered.id)).status == "done"
    await transfers.approve(bound, handing.offered.id, answer)
    assert len(await owner.all()) == 2
    assert len(await owner.events("AuthenticatorBound")) == 2


async def test_an_old_key_that_did_not_end_is_not_said_to_have_ended(owner, handing):
    """The answer that left it was written and not heard of, and the next one ends it."""
    bound, first = await owner.bound(), answer_of(owner, handing)
    registry = MeddlingRegistry(owner.house.registry)
    registry.away, registry.keeps = 1, True
    transfers = owner.flows(owner.ports(registry=registry))[3]
    with pytest.raises(RegistryUnavailableError):
        await transfers.approve(bound, handing.offered.id, first)
    ending = answer_of(owner, handing, revoke=True)
    for _ in range(2):
        with pytest.raises(TransferClosed):
            await transfers.approve(await owner.bound(), handing.offered.id, ending)
    assert (await owner.stored()).status is CredentialStatus.ACTIVE
    assert (await handing.new.transfer(handing.offered.id)).status == "done"


async def test_the_identical_answer_again_is_the_same_answer_once_it_is_done(owner, handing):
    bound, answer = await owner.bound(), answer_of(owner, handing)
    transfers = owner.flows(owner.ports())[3]
    await transfers.approve(bound, handing.offered.id, answer)
    await transfers.approve(bound, handing.offered.id, answer)
    with pytest.raises(TransferClosed):
        await transfers.approve(bound, handing.offered.id, answer_of(owner, handing))
    assert len(await owner.all()) == 2


async def test_of_many_answers_at_once_one_binds(owner, handing):
    bound, transfers = await owner.bound(), owner.flows(owner.ports())[3]
    answers = [answer_of(owner, handing) for _ in range(8)]
    await asyncio.gather(
        *(transfers.approve(bound, handing.offered.id, each) for each in answers),
        return_exceptions=True,
    )
    assert len(await owner.all()) == 2
    assert len(await owner.events("AuthenticatorBound")) == 2


async def test_a_wrong_code_beside_the_right_one_binds_nothing(owner, handing):
    """The right answer is being written when a wrong one comes."""
    bound, right = await owner.bound(), answer_of(owner, handing)
    registry = MeddlingRegistry(owner.house.registry)
    registry.away, registry.keeps = 1, False
    transfers = owner.flows(owner.ports(registry=registry))[3]
    with pytest.raises(RegistryUnavailableError):
        await transfers.approve(bound, handing.offered.id, right)
    told = await refused(handing.approve("000000"))
    assert told == (422, "wrong_code")
    assert len(await owner.all()) == 1
