"""Who may call what: no call of a phone without its token, none of a blocked or a revoked one."""

import msgspec
import pytest

from pairing_server.limits import LIMITED, Rate
from tests.phones.conftest import refused

#: Calls of a bound phone, with a body that would be taken.
CALLS = [
    ("GET", "/phone/credential", None),
    ("GET", "/phone/credentials", None),
    ("GET", "/phone/history", None),
    ("GET", "/phone/events", None),
    ("GET", "/phone/notices", None),
    ("GET", "/phone/workstations", None),
    ("POST", "/phone/workstations/AAAA/open", None),
    ("DELETE", "/phone/push", None),
    ("POST", "/phone/changes", {"kind": "block", "credential": "AAAA"}),
    ("POST", "/phone/renewals", {}),
    ("POST", "/phone/transfers/AAAA/claim", {"secret": "AAAA"}),
    ("PUT", "/phone/transfers/AAAA/answer", {"decision": "deny"}),
]
SIGNED = [
    ("PUT", "/phone/changes/AAAA"),
    ("PUT", "/phone/renewals/AAAA"),
]
names = [f"{method} {path}" for method, path, _ in CALLS]


@pytest.mark.parametrize("call", CALLS, ids=names)
async def test_a_token_that_nobody_was_bound_with_opens_nothing(owner, call):
    method, path, body = call
    owner.phone.device_token = "A" * 43
    assert await refused(owner.phone._call(method, path, body)) == (401, "invalid_token")


@pytest.mark.parametrize("call", CALLS, ids=names)
async def test_a_blocked_phone_hears_that_it_is_blocked_and_nothing_else(owner, call):
    method, path, body = call
    await owner.block()
    assert await refused(owner.phone._call(method, path, body)) == (403, "phone_blocked")


@pytest.mark.parametrize("call", CALLS, ids=names)
async def test_a_revoked_phone_is_nobody(owner, call):
    method, path, body = call
    await owner.revoke()
    assert await refused(owner.phone._call(method, path, body)) == (401, "invalid_token")


@pytest.mark.parametrize(("method", "path"), SIGNED)
async def test_what_is_signed_needs_the_token_too(owner, method, path):
    owner.phone.device_token = "A" * 43
    assert (await refused(owner.phone._call(method, path, {"assertion": {}})))[0] == 401


async def test_a_phone_is_not_woken_any_more_when_it_says_so(owner):
    await owner.phone.register_push({"service": "fcm", "token": "push"})
    await owner.phone._call("DELETE", "/phone/push")
    stored = await owner.stored()
    assert (stored.push_service, stored.push_address) == (None, None)


async def test_a_new_phone_brings_a_token_that_was_drawn_well(owner):
    owner.phone.device_token = "short"
    told = await refused(owner.phone._call("POST", "/phone/transfers", {}))
    assert told == (401, "invalid_token")


async def test_what_needs_no_token_is_limited_by_address(make_house):
    async with make_house(rate=Rate(per_second=0.01, burst=3)) as house:
        statuses = []
        for _ in range(5):
            async with house.http.post(
                f"{house.base_url}/phone/transfers",
                json={},
                headers={"Authorization": f"Bearer {'A' * 43}"},
            ) as answer:
                statuses.append(answer.status)
    assert statuses == [201, 201, 201, 429, 429]
    assert {("POST", "/phone/transfers"), ("POST", "/phone/unblocking")} <= LIMITED


async def test_a_transfer_is_held_until_it_is_news(owner, offer):
    new, offered = await offer()
    path = f"/phone/transfers/{offered.id}"
    first = await new._call("GET", path)
    etag = first.headers["ETag"]
    again = await new._call("GET", path, etag=etag)
    assert (first.status, again.status) == (200, 304)
    await owner.phone.claim_transfer(offered.link)
    changed = await new._call("GET", path, etag=etag, wait=20)
    assert msgspec.json.decode(changed.raw)["status"] == "claimed"


async def test_the_code_of_a_transfer_is_told_to_the_new_phone_alone(owner, handing):
    code = handing.offered.code
    seen = await owner.phone._call("GET", f"/phone/transfers/{handing.offered.id}")
    claimed = msgspec.json.encode(handing.claimed)
    assert code not in seen.raw.decode()
    assert code not in claimed.decode()


def in_english(phone):
    headers = {"Authorization": f"Bearer {phone.device_token}", "Accept-Language": "en"}

    async def call(path):
        return (await phone._server.call("GET", path, headers=headers)).read(dict)

    return call


async def test_what_a_phone_is_bound_to_is_named_in_its_language(owner):
    told = await in_english(owner.phone)("/phone/credential")

    assert (told["role_code"], told["role"]) == ("01.015", "physician, general practitioner")
    assert (await owner.phone.credential())["role"] == "arts, huisarts"


async def test_whose_a_new_phone_becomes_is_named_in_its_language(owner, handing):
    path = f"/phone/transfers/{handing.offered.id}"

    told = await in_english(handing.new)(path)

    assert told["identity"]["role"] == "physician, general practitioner"
    dutch = await handing.new.transfer(handing.offered.id)
    assert dutch.identity.role == "arts, huisarts"


async def test_the_details_of_a_change_are_all_strings(owner):
    change = await owner.phone.start_change("rename", owner.phone.credential_id, "A")
    assert set(change.details) == {
        "change",
        "kind",
        "credential",
        "device_name",
        "value",
        "nonce",
        "requested_at",
    }
    assert all(isinstance(value, str) for value in change.details.values())
