"""What was signed is verified without the server, by its keys and the phone's alone."""

import hashlib
import json
from dataclasses import replace

import jwt
import pytest
import rfc8785
from fido2 import cbor
from fido2.cose import CoseKey

from clients.id_token import UntrustedToken
from clients.wire import b64url_decode
from pairing_server.approvals.evidence import challenge
from pairing_server.evidence.log import RegistryLog
from pairing_server.evidence.phone import check_approval, read_approval
from tests.oidc.client import BareClient
from tests.xis.client import HASH, UNSIGNED

CONTEXT = b"pairing_server/transaction/v1\n"


@pytest.fixture
async def evidence(desk, xis):
    session = await xis.opened()
    _, asked = await xis.sign(session, Text="Verwijzing")
    (request,) = await desk.phone.auth_requests()
    await desk.phone.approve(request, asked["bindingCode"])
    (told,) = await xis.events(after=2)
    return told.payload["SignedDataBag"]["one"]["Data"]


async def keys(desk):
    async with desk.house.http.get(desk.house.base_url + "/jwks.json") as answer:
        return jwt.PyJWKSet.from_dict(await answer.json())


async def read(desk, evidence):
    key = (await keys(desk))[jwt.get_unverified_header(evidence)["kid"]]
    return jwt.decode(evidence, key, ["ES256"])


def verify(claims):
    """WebAuthn Level 3 section 7.2, as far as nobody else can have signed: by another library."""
    signed, assertion = claims["signed"], claims["assertion"]
    client_data = b64url_decode(assertion["clientDataJSON"])
    expected = hashlib.sha256(CONTEXT + rfc8785.dumps(signed)).digest()
    assert b64url_decode(json.loads(client_data)["challenge"]) == expected
    key = CoseKey.parse(cbor.decode(b64url_decode(claims["credential"]["public_key"])))
    message = b64url_decode(assertion["authenticatorData"]) + hashlib.sha256(client_data).digest()
    key.verify(message, b64url_decode(assertion["signature"]))


async def test_the_phones_signature_is_over_the_hash_and_all_that_it_showed(desk, evidence):
    claims = await read(desk, evidence)
    verify(claims)
    signed, holder = claims["signed"], desk.house.holder
    assert signed["hashes"] == f"sha-256:{HASH}"
    assert claims["hashes"] == {"one": f"sha-256:{HASH}"}
    assert (signed["message"], signed["organisation"]) == ("Verwijzing", holder.organisation_name)
    assert (claims["uzi_number"], claims["ura"]) == (holder.uzi_number, holder.ura)
    assert (claims["iss"], claims["client_id"]) == (desk.house.base_url, desk.client_id)


@pytest.mark.parametrize("member", ["hashes", "message", "ura", "workstation", "code", "nonce"])
async def test_nothing_that_was_signed_can_be_changed(desk, evidence, member):
    claims = await read(desk, evidence)
    claims["signed"][member] += "0"
    with pytest.raises(AssertionError):
        verify(claims)


async def test_a_signature_is_no_login_and_a_login_no_signature(desk, evidence):
    claims = await read(desk, evidence)
    with pytest.raises(UntrustedToken):
        await desk.workstation.verify(evidence)
    assert jwt.get_unverified_header(evidence)["typ"] == "transaction-evidence+jwt"
    assert "aud" not in claims
    as_login = {name: value for name, value in claims["signed"].items() if name != "hashes"}
    assert challenge(as_login) != challenge(claims["signed"])
    approval = hashlib.sha256(b"pairing_server/approval/v1\n" + rfc8785.dumps(claims["signed"]))
    assert approval.digest() != challenge(claims["signed"])


async def test_other_hashes_than_were_asked_for_are_evidence_of_nothing(desk, xis):
    """Who can write the Store lets the phone show and sign a hash of their own."""
    session = await xis.opened()
    _, asked = await xis.sign(session)
    (entry,) = await desk.phone.auth_requests()
    other = f"sha-256:{'0' * 64}"

    def alter(held):
        return replace(held, shown=replace(held.shown, hashes=other))

    await desk.shelf.change(entry.id, alter)
    request = await desk.phone.get(entry.id)
    assert request.hashes == other
    await desk.phone.approve(request, asked["bindingCode"])
    (told,) = await xis.events(after=2)
    assert (told.type, told.payload["Reason"]) == (UNSIGNED, "revoked")
    assert await desk.count("redemptions") == 1


async def test_it_opens_nothing(desk, evidence):
    client = BareClient(desk.house, desk.client_id, desk.house.client_key)
    assert (await client.userinfo(evidence))[0] == 401
    status, body = await client.post("/v1/transactions", {"client_assertion": evidence})
    assert (status, body["error"]) == (401, "invalid_token")


async def test_the_audit_log_holds_the_same_and_it_verifies_there(desk, evidence):
    claims = await read(desk, evidence)
    log = RegistryLog(desk.house.registry)
    facts = (await log.by_id(claims["audit_event"])).entry.facts
    kept = read_approval(facts)
    bound = await log.by_object("AuthenticatorBound", f"credential:{kept.credential}")
    checks = check_approval(facts, kept, bound.entry.facts, desk.house.rp())
    assert {check.holds for check in checks.values()} == {True}
    assert (kept.signed, kept.assertion) == (claims["signed"], claims["assertion"])
