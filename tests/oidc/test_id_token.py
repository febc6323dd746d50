"""What an assertion says: exactly what its scopes tell, for five minutes, to one client."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.oidc.id_token import Subject, claims, id_token, pairwise_subject
from pairing_server.oidc.metadata import SCOPES, discovery
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.credentials import Credential, CredentialKind, CredentialStatus
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.registry.people import Membership, MembershipKind, Person, PersonStatus
from pairing_server.settings import AssuranceLevel
from tests.approvals.requests import NOW
from tests.house import DATE_OF_BIRTH

SUBJECT = Subject(
    Person(
        id="p-1",
        uzi_number="900000001",
        first_names="Anna",
        last_name="de Vries",
        birth_digest="digest-of-a-date",
        user_name="a.devries.900000001",
        status=PersonStatus.ACTIVE,
        created_at=NOW,
    ),
    Membership(
        person_id="p-1",
        ura="90000001",
        role_code="01.015",
        kind=MembershipKind.EMPLOYEE,
        administrative_role=None,
        valid_until=None,
        created_at=NOW,
    ),
    Organisation(
        ura="90000001", name="De Linde", status=OrganisationStatus.ACTIVE, registered_at=NOW
    ),
    Credential(
        id="k",
        person_id="p-1",
        kind=CredentialKind.PHONE,
        public_key=b"",
        sign_count=0,
        aaguid="",
        attestation_format="none",
        attestation_verdict="unknown",
        backup_eligible=False,
        backed_up=False,
        acr="http://eidas.europa.eu/LoA/low",
        platform="android",
        model="",
        app_version="",
        status=CredentialStatus.ACTIVE,
        bound_by="",
        pairing_id="",
        device_token_digest="",
        next_device_token_digest=None,
        push_service=None,
        push_address=None,
        bound_at=NOW,
        expires_at=NOW,
        last_used_at=None,
        last_used_workstation=None,
    ),
    Client(
        id="c",
        name="HIS",
        jwks={},
        uras=("90000001",),
        redirect_uris=(),
        policy={},
        status=ClientStatus.ACTIVE,
        created_at=NOW,
    ),
    AssuranceLevel.LOW,
)
ALWAYS = {
    "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "auth_time", "acr", "amr",
}  # fmt: skip
TOLD = {
    "openid": set(),
    "profile": {"name", "given_name", "family_name", "preferred_username"},
    "uzi": {"uzi_number", "ura", "organisation_name", "role_code"},
    "dezi": {"abonnee_nummer", "abonnee_naam", "rol_code", "rol_naam"},
}
scopes = st.sets(st.sampled_from([*SCOPES, "bsn", "address", ""])).map(" ".join)


def made(scope="openid", subject=SUBJECT, now=NOW):
    return id_token(
        subject,
        issuer="https://login.example",
        client_id="c",
        sub="s",
        scope=scope,
        jti="j",
        auth_time=now - timedelta(seconds=3),
        now=now,
    )


@given(scopes)
def test_a_scope_tells_its_own_claims_and_no_others(scope):
    expected = set().union(*(TOLD.get(name, set()) for name in scope.split(" ")))
    assert set(claims(SUBJECT, scope)) == expected
    assert set(made(scope)) == ALWAYS | expected


@given(scopes)
def test_nothing_tells_a_date_of_birth_or_anything_like_a_bsn(scope):
    text = json.dumps(made(scope))
    assert "1980" not in text
    assert "p-1" not in text
    assert not {"bsn", "birthdate", "burgerservicenummer"} & {name.lower() for name in made(scope)}


def test_of_who_has_no_card_no_number_is_told():
    without = replace(SUBJECT, person=replace(SUBJECT.person, uzi_number=None))

    assert set(claims(without, "uzi")) == TOLD["uzi"] - {"uzi_number"}


def test_the_claims_are_these():
    assert made("openid profile uzi dezi") == {
        "iss": "https://login.example",
        "sub": "s",
        "aud": "c",
        "exp": int(NOW.timestamp()) + 300,
        "iat": int(NOW.timestamp()),
        "nbf": int(NOW.timestamp()),
        "jti": "j",
        "auth_time": int(NOW.timestamp()) - 3,
        "acr": "http://eidas.europa.eu/LoA/low",
        "amr": ["pop", "mfa"],
        "name": "Anna de Vries",
        "given_name": "Anna",
        "family_name": "de Vries",
        "preferred_username": "a.devries.900000001",
        "uzi_number": "900000001",
        "ura": "90000001",
        "organisation_name": "De Linde",
        "role_code": "01.015",
        "abonnee_nummer": "90000001",
        "abonnee_naam": "De Linde",
        "rol_code": "01.015",
        "rol_naam": "arts, huisarts",
    }


BESIDE = {"sub", "sid", "acr", "amr", "auth_time", "membership"}


def test_discovery_names_the_claims_about_a_person():
    told = set(discovery("https://login.example")["claims_supported"])
    assert set().union(*TOLD.values()) | BESIDE == told


@given(st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001
def test_an_assertion_lives_for_five_minutes_from_a_whole_second_that_is_not_ahead(moment):
    now = moment.replace(tzinfo=UTC)
    token = made(now=now)
    assert token["exp"] - token["iat"] == 300
    assert 0 <= now.timestamp() - token["iat"] < 1
    assert token["nbf"] == token["iat"]


@pytest.mark.parametrize("level", AssuranceLevel)
def test_the_level_is_what_the_key_earns_here(level):
    assert made(subject=replace(SUBJECT, acr=level))["acr"] == level


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(texts, texts, texts, texts)
def test_a_sub_is_of_one_person_at_one_client(client, person, other_client, other_person):
    one, other = (client, person), (other_client, other_person)
    same = pairwise_subject(b"s", *one) == pairwise_subject(b"s", *other)
    assert same == ("\n".join(one) == "\n".join(other))
    assert pairwise_subject(b"t", *one) != pairwise_subject(b"s", *one)
    assert pairwise_subject(b"s", *one) == pairwise_subject(b"s", *one)


async def test_an_independent_library_verifies_it_from_discovery(desk, client):
    started = await desk.approved(scope="openid profile uzi dezi")
    _, body = await client.poll(started.auth_req_id)
    metadata = await desk.workstation.metadata()
    async with desk.house.http.get(metadata.jwks_uri) as response:
        keys = jwt.PyJWKSet.from_dict(await response.json())
    key = keys[jwt.get_unverified_header(body["id_token"])["kid"]]
    verified = jwt.decode(
        body["id_token"],
        key,
        algorithms=["ES256"],
        audience=client.id,
        issuer=metadata.issuer,
        leeway=1,
        options={"require": sorted(ALWAYS - {"urn:openid:params:jwt:claim:auth_req_id"})},
    )
    holder = desk.house.holder
    assert verified["urn:openid:params:jwt:claim:auth_req_id"] == started.auth_req_id
    assert (verified["uzi_number"], verified["ura"]) == (holder.uzi_number, holder.ura)
    assert (verified["rol_code"], verified["acr"]) == (
        holder.role_code,
        "http://eidas.europa.eu/LoA/substantial",
    )
    assert DATE_OF_BIRTH not in str(verified)
    assert body["token_type"] == "Bearer"
    assert (body["expires_in"], body["scope"]) == (300, "openid profile uzi dezi")


async def test_two_clients_know_one_person_by_two_names(desk):
    one = await desk.poll(await desk.approved())
    again = await desk.poll(await desk.approved())
    desk.workstation = await desk.house.workstation("EPD")
    other = await desk.poll(await desk.approved())
    assert one.claims.sub == again.claims.sub != other.claims.sub
    assert one.claims.uzi_number == other.claims.uzi_number
    assert one.claims.all["jti"] != again.claims.all["jti"]
