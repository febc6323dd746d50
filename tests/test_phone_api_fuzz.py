"""Schemathesis calls every operation of the phone API as its document says, and otherwise.

Each run tries what the document's constraints single out, random calls, and calls with what others
answered.
"""

import pytest

from clients.phone import SoftwarePhone
from tests.documents import ROOT
from tests.phone_api.served import served
from tests.schemathesis_run import OF_WHOM_IS_LET_IN, Fuzz

HERE = ROOT / "tests" / "phone_api"
UNKNOWN = "A" * 22

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def fuzz(house, tmp_path):
    """Call the house as a phone with this token; with which statuses each operation answered."""
    call_all = Fuzz(house, tmp_path, "/phone/openapi.json", HERE / "schemathesis.toml", template)

    async def run(token="", *options, auth_request=UNKNOWN, pairing=UNKNOWN):
        return await call_all({"AUTH_REQUEST": auth_request, "PAIRING": pairing}, token, *options)

    return run


def template(path):
    """Name the operation that a path belongs to: whatever is called, its identifiers are one."""
    parts = path.split("/")
    known = [each for each in served()["paths"] if len(each.split("/")) == len(parts)]
    fits = [
        each
        for each in known
        if all(own in (part, "{id}") for own, part in zip(each.split("/"), parts, strict=True))
    ]
    return min(fits, key=lambda each: each.count("{"), default=path)


def operations(*, secured=None):
    return {
        (method.upper(), path)
        for path, item in served()["paths"].items()
        for method, call in item.items()
        if secured is None or bool(call["security"]) is secured
    }


async def test_who_has_no_token_gets_nothing_whatever_is_called(fuzz):
    statuses = await fuzz("", "--mode", "positive", "--exclude-checks", OF_WHOM_IS_LET_IN)

    assert operations() <= statuses.keys()
    # A token that was drawn well may be of a phone that is not bound yet: it finds nothing.
    secured = {call: statuses[call] for call in operations(secured=True)}
    assert {call for call, seen in secured.items() if not seen <= {401, 404}} == set()


async def test_a_bound_phone_is_answered_as_the_document_says(fuzz, house):
    phone, workstation = await house.bind(), await house.workstation()
    await house.ask(workstation)
    (request,) = await phone.auth_requests()

    statuses = await fuzz(phone.device_token, auth_request=request.id)

    assert operations() <= statuses.keys()
    assert 200 in statuses["GET", "/phone/auth-requests"]
    assert 200 in statuses["GET", "/phone/auth-requests/{id}"]
    assert 200 in statuses["GET", "/phone/credential"]
    assert {204, 409} <= statuses["PUT", "/phone/auth-requests/{id}/answer"]
    assert {204, 400} <= statuses["PUT", "/phone/push"]
    # No signature of the phone's key was sent, so that it is still what it was.
    assert statuses["DELETE", "/phone/credential"] <= {400, 401, 415}
    assert (await phone.credential())["status"] == "active"


async def test_a_phone_that_scanned_a_pairing_is_answered_as_the_document_says(fuzz, house):
    page = await house.registered()
    offered = await page.start_pairing()
    phone = SoftwarePhone(house.http)
    offer = await phone.scan(offered.link)

    pairings = ("--include-path-regex", "^/phone/pairings/")
    statuses = await fuzz(phone.device_token, *pairings, pairing=offer.pairing)

    assert 200 in statuses["GET", "/phone/pairings/{id}"]
    assert 400 in statuses["POST", "/phone/pairings/{id}/credential"]
    assert 404 in statuses["POST", "/phone/pairings/{id}/scan"]
