"""Changes and renewals against a server that does what ours does not."""

import pytest
from aiohttp import web

from clients.auth_request import WrongCode
from clients.phone import SoftwarePhone
from clients.portal import PortalPage
from clients.wire import MalformedAnswer, WireError
from tests.clients.conftest import refuse

OPTIONS = {
    "rp": {"id": "localhost", "name": "x"},
    "user": {"id": "AAAA", "name": "a", "displayName": "a"},
    "challenge": "A" * 43,
    "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
}
RENEWAL = {"id": "r", "nonce": "n", "public_key": OPTIONS, "expires_in": 120}


@pytest.fixture
async def phone(http, stand_in):
    async with PortalPage(stand_in.base) as page:
        await page.start_session("login")
        offered = await page.start_pairing()
        phone = SoftwarePhone(http)
        offer = await phone.scan(offered.link)
        await phone.prove(offer)
        await page.confirm(offered.id, offer.check_number)
        await phone.wait_paired(offer)
    return phone


@pytest.fixture
def answers(stand_in):
    """Let the stand-in answer calls that it does not know."""

    def put(method, path, body=None, status=200):
        async def answer(_request):
            if status >= 400:
                raise refuse(status, "refused", **(body or {}))
            return web.json_response(body or {}, status=status)

        stand_in.faults[method, path] = answer

    return put


def details(**changed):
    asked = {"change": "c", "kind": "block", "credential": "other", "value": ""}
    shown = {"device_name": "Pixel", "nonce": "n", "requested_at": "2026-11-26T09:30:00Z"}
    return asked | shown | changed


@pytest.mark.parametrize(
    "changed",
    [{"kind": "revoke"}, {"credential": "mine"}, {"value": "x"}, {"change": "another"}],
)
async def test_another_change_than_was_asked_for_is_not_signed(phone, answers, stand_in, changed):
    body = {"id": "c", "details": details(**changed), "expires_in": 120}
    answers("POST", "/phone/changes", body, 201)

    with pytest.raises(MalformedAnswer, match="another change"):
        await phone.block("other")

    assert phone.authenticator.credentials[0].sign_count == 0
    assert stand_in.seen[-1][:2] == ("POST", "/phone/changes")


async def test_a_renewal_that_is_refused_leaves_the_old_key(phone, answers):
    before = phone.credential_id
    answers("POST", "/phone/renewals", RENEWAL, 201)
    answers("PUT", "/phone/renewals/r", status=400)

    with pytest.raises(WireError):
        await phone.renew()

    assert [each.credential_id for each in phone.authenticator.credentials] == [before]
    assert phone.credential_id == before


@pytest.mark.parametrize("counts", ["old", "new"])
async def test_a_renewal_without_an_answer_is_settled_by_asking(phone, answers, stand_in, counts):
    async def away(_request):
        return web.Response(status=503)

    answers("POST", "/phone/renewals", RENEWAL, 201)
    stand_in.faults["PUT", "/phone/renewals/r"] = away
    with pytest.raises(WireError):
        await phone.renew()
    old, new = (each.credential_id for each in phone.authenticator.credentials)
    assert phone.credential_id == old
    answers("GET", "/phone/credential", {"credential_id": {"old": old, "new": new}[counts]})

    await phone.settle_renewal()

    (left,) = phone.authenticator.credentials
    assert left.credential_id == phone.credential_id == {"old": old, "new": new}[counts]


async def test_both_keys_are_kept_before_the_new_one_leaves(phone, answers, stand_in):
    answers("POST", "/phone/renewals", RENEWAL, 201)
    answers("PUT", "/phone/renewals/r", status=400)
    kept = []
    phone.keep = lambda: kept.append((len(stand_in.seen), phone.to_json()))

    with pytest.raises(WireError):
        await phone.renew()

    (seen, state) = kept[0]
    assert stand_in.seen[seen][:2] == ("PUT", "/phone/renewals/r")
    assert len(state["authenticator"]["credentials"]) == 2


async def test_a_renewal_is_signed_by_the_old_key(phone, answers, stand_in):
    answers("POST", "/phone/renewals", RENEWAL, 201)

    async def take(request):
        body = await request.json()
        assert body["assertion"]["id"] == phone.credential_id != body["credential"]["id"]
        renewed = {"credential_id": body["credential"]["id"], "expires_at": "2029-11-26T00:00:00Z"}
        return web.json_response(renewed)

    stand_in.faults["PUT", "/phone/renewals/r"] = take
    before = phone.credential_id

    renewed = await phone.renew()

    (left,) = phone.authenticator.credentials
    assert left.credential_id == phone.credential_id == renewed.credential_id != before


async def test_a_key_that_the_phone_has_not_is_not_taken_for_its_own(phone, answers):
    answers("GET", "/phone/credential", {"credential_id": "foreign"})

    with pytest.raises(MalformedAnswer, match="has not"):
        await phone.settle_renewal()

    assert [each.credential_id for each in phone.authenticator.credentials] == [
        phone.credential_id
    ]


async def test_a_wrong_administrators_code_tells_how_many_are_left(phone, answers):
    answers("POST", "/phone/unblocking", {"attempts_left": 2}, 422)

    with pytest.raises(WrongCode) as wrong:
        await phone.unblock("12345678")

    assert wrong.value.attempts_left == 2
