"""`pairing-server audit evidence`."""

import asyncio
import base64
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding

from clients.card_profile import Holder
from clients.phone import SoftwarePhone
from clients.test_ca import KeyKind, Style, UziTestCa
from clients.wire import WireError
from pairing_server.cli import main
from pairing_server.keys.seal import make_seal_key
from tests import calls
from tests.house import DATE_OF_BIRTH
from tests.oidc.browser import PAGE, login_page
from tests.oidc.client import BareClient
from tests.oidc.test_card_logins import asked, show


@pytest.fixture
def command(house, tmp_path, monkeypatch):
    """Run a command beside the house, on its registry."""
    for name, value in {
        "BASE_URL": house.base_url,
        "DATA_DIR": str(tmp_path),
        "UZI_ENVIRONMENT": "test",
        "UZI_ANCHORS": str(house.register.root),
    }.items():
        monkeypatch.setenv(f"PAIRING_{name}", value)

    # The house's own: an export has a checkpoint of its moment, which is signed.
    make_seal_key(tmp_path / "seal.key", lambda size: b"s" * size)

    async def run(*arguments):
        result = await asyncio.to_thread(CliRunner().invoke, main, [*map(str, arguments)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.exit_code, result.output

    return run


@pytest.fixture
def verify(command, house):
    """Verify the newest event of an action: exit status and what is said."""

    async def run(action, *arguments):
        events = [event for event in await house.events() if event["action"] == action]
        status, output = await command("audit", "evidence", events[-1]["id"], *arguments)
        return status, json.loads(output)

    return run


def failed(told):
    return {name for name, check in told["checks"].items() if check["holds"] is False}


async def organisation_registered(house):
    page = await calls.log_in(house, purpose="register-organisation")
    await page.register_organisation()


async def person_registered(house):
    await calls.register(house)


async def registration_denied(house):
    page = await calls.register(house)
    await page.registration(DATE_OF_BIRTH)
    await page.deny_registration()


async def approved(house):
    phone, workstation = await house.bind(), await house.workstation()
    started = await house.approved(phone, workstation)
    await workstation.poll(started)


async def denied_by_code(house):
    phone, workstation = await house.bind(), await house.workstation()
    started = await house.ask(workstation)
    (request,) = await phone.auth_requests()
    wrong = f"{(int(started.binding_code) + 1) % 1000000:06}"
    for _ in range(3):
        with pytest.raises(WireError):
            await phone.approve(request, wrong)


async def renamed(house):
    phone = await house.bind()
    await phone.rename(phone.credential_id, "Dienst 2")


async def renewed(house):
    await (await house.bind()).renew()


async def unbound(house):
    await (await house.bind()).unbind()


async def handed_over(house):
    old, new = await house.bind(), SoftwarePhone(house.http)
    offered = await new.offer_transfer(house.base_url)
    claimed = await old.claim_transfer(offered.link)
    await new.prove_transfer(offered.id, await new.wait_claimed(offered.id))
    proved = await old.wait_proved(offered.id)
    await old.approve_transfer(claimed, proved, offered.code, revoke=True)


SIGNED_ACTS = [
    ("PhoneRenamed", renamed),
    ("AuthenticatorBound", renewed),
    ("AuthenticatorRevoked", renewed),
    ("AuthenticatorBound", handed_over),
    ("AuthenticatorRevoked", handed_over),
    ("AuthenticatorRevoked", unbound),
]


async def phones_changed(house):
    page = await calls.register(house)
    phone = await calls.pair(house, page)
    await page.login(house.agent(), house.register.card(house.holder))
    await page.rename_phone(phone.credential_id, "Dienst 2")
    await page.block_phone(phone.credential_id)
    await page.unblock_phone(phone.credential_id)
    await page.revoke_phone(phone.credential_id)


async def logged_in_by_card(house):
    await calls.register(house)
    await house.workstation(redirect_uris=(PAGE,))
    client = BareClient(house, house.client_id, house.client_key)
    page = await (await login_page(house, client)).open()
    await show(page, await asked(page))
    assert (await page.exchange((await page.answer())["code"]))[0] == 200


OF_PHONES = ("PhoneRenamed", "AuthenticatorBlocked", "AuthenticatorUnblocked")
SIGNED_BY_CARD = [
    ("OrganisationRegistered", organisation_registered),
    ("PersonRegistered", person_registered),
    ("RegistrationDenied", registration_denied),
]
SIGNED_BY_PHONE = [
    ("AuthRequestApproved", approved),
    ("AssertionIssued", approved),
    ("AuthRequestDenied", denied_by_code),
]


@pytest.mark.parametrize(("action", "happens"), SIGNED_BY_CARD)
async def test_what_a_card_signed_verifies_again(house, verify, action, happens):
    await happens(house)

    status, told = await verify(action)

    assert status == 0
    assert told["verdict"] == "holds"
    assert told["event"]["action"] == action
    assert told["statement"].startswith("Ik ")
    assert set(told["checks"]) == {
        "chain",
        "origin",
        "purpose",
        "signature",
        "names",
        "certificate",
        "revocation",
    }


@pytest.mark.parametrize("action", [*OF_PHONES, "AuthenticatorRevoked"])
async def test_what_was_done_with_a_phone_in_the_portal_stands_on_the_login(house, verify, action):
    await phones_changed(house)

    status, told = await verify(action)

    assert (status, told["verdict"]) == (0, "holds")
    assert told["statement"].startswith("Ik log in bij localhost:")
    assert told["checks"]["holder"]["holds"]
    assert told["checks"]["registration"]["holds"]


@pytest.mark.parametrize("action", ["AuthRequestApprovedByCard", "AssertionIssued"])
async def test_a_login_by_card_verifies_again(house, verify, action):
    await logged_in_by_card(house)

    status, told = await verify(action)

    assert (status, told["verdict"]) == (0, "holds")
    assert told["statement"].startswith("Ik log in bij HIS via localhost:")
    assert told["checks"]["holder"]["holds"]
    assert told["checks"]["registration"]["holds"]
    assert ("approval" in told["checks"]) is (action == "AssertionIssued")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("actor = 'person:q'", {"approval"}),
        ("ura = '90000999'", {"approval"}),
        ("evidence = replace(evidence, 'bij HIS', 'bij EPD')", {"approval", "signature", "names"}),
        ("evidence = '{}'", {"approval", "evidence"}),
    ],
)
async def test_a_changed_login_by_card_behind_an_assertion_is_found_out(
    house, verify, tmp_path, change, found
):
    await logged_in_by_card(house)
    where = "action = 'AuthRequestApprovedByCard'"
    tamper(tmp_path, (f"UPDATE audit_event SET {change} WHERE {where}",))

    status, told = await verify("AssertionIssued")

    assert (status, failed(told)) == (1, found)


async def test_what_an_operator_did_with_a_phone_nobody_signed(house, command):
    phone = await house.bind()
    await house.phone_status().block(phone.credential_id, "operator:test")
    (event,) = [each for each in await house.events() if each["action"] == "AuthenticatorBlocked"]

    assert await command("audit", "evidence", event["id"]) == (
        2,
        "Error: nobody signed for this event (AuthenticatorBlocked)\n",
    )


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("actor = 'person:q'", {"chain"}),
        ("object = 'credential:q'", {"chain", "names"}),
        ("ura = '90000999'", {"chain"}),
    ],
)
async def test_what_was_done_with_a_phone_was_done_by_that_person_with_that_phone(
    house, verify, tmp_path, change, found
):
    await phones_changed(house)
    where = "action = 'AuthenticatorBlocked'"
    tamper(tmp_path, (f"UPDATE audit_event SET {change} WHERE {where}",))

    status, told = await verify("AuthenticatorBlocked")

    assert (status, failed(told)) == (1, found)


async def test_another_cards_holder_did_nothing_with_ones_phone(house, verify, tmp_path):
    await phones_changed(house)
    changed(tmp_path, registered={"uzi_number": "900005678"})

    status, told = await verify("AuthenticatorRevoked")

    assert (status, failed(told)) == (1, {"holder", "registration"})


@pytest.mark.parametrize(("action", "happens"), SIGNED_BY_PHONE)
async def test_what_a_phone_signed_verifies_again(house, verify, action, happens):
    await happens(house)

    status, told = await verify(action)

    assert status == 0
    assert told["signed"]["ura"] == house.holder.ura
    assert {"chain", "names", "key", "signature", "binding"} <= set(told["checks"])
    assert ("approval" in told["checks"]) is (action == "AssertionIssued")


@pytest.mark.parametrize(("action", "happens"), SIGNED_ACTS)
async def test_what_a_phone_signed_for_itself_verifies_again(house, verify, action, happens):
    await happens(house)

    status, told = await verify(action)

    assert (status, told["verdict"]) == (0, "holds")
    assert {"chain", "names", "key", "signature", "binding"} == set(told["checks"])


@pytest.fixture
def exported(house, command, tmp_path, monkeypatch):
    """Export the log and go away from the server; returns the file and the options for it."""

    async def run():
        export = tmp_path / "log.jsonl"
        await command("audit", "export", "--output", export)
        monkeypatch.setenv("PAIRING_DATA_DIR", str(tmp_path / "elsewhere"))
        monkeypatch.setenv("PAIRING_UZI_ENVIRONMENT", "production")
        monkeypatch.delenv("PAIRING_UZI_ANCHORS")
        away = ("--export", export, "--anchor", house.register.root, "--environment", "test")
        return export, away

    return run


@pytest.mark.parametrize(("action", "happens"), [*SIGNED_BY_CARD[1:2], *SIGNED_BY_PHONE[:2]])
async def test_an_export_is_verified_away_from_the_server(
    house, verify, exported, tmp_path, action, happens
):
    await happens(house)
    _, away = await exported()

    status, told = await verify(action, *away)

    assert (status, told["verdict"]) == (0, "holds")
    assert not (tmp_path / "elsewhere").exists()


async def test_a_changed_export_is_found_out(house, verify, exported):
    await person_registered(house)
    export, away = await exported()
    export.write_text(export.read_text().replace("UZI-nummer 900001234", "UZI-nummer 900001235"))

    status, told = await verify("PersonRegistered", *away)

    assert (status, failed(told)) == (1, {"chain", "signature", "names"})


async def test_another_anchor_does_not_vouch_for_the_card(house, verify, tmp_path):
    await person_registered(house)
    other = tmp_path / "other.pem"
    UziTestCa.create(datetime.now(UTC), Style(KeyKind.P_256)).write_root(other)

    status, told = await verify("PersonRegistered", "--anchor", other)

    assert (status, failed(told)) == (1, {"certificate"})


def tamper(tmp_path, *statements):
    """Change the log as somebody who holds the database would."""
    with closing(sqlite3.connect(tmp_path / "registry.sqlite3")) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            connection.execute(*statement)
        connection.commit()


def changed(tmp_path, **members):
    """Change members of the evidence of the person's registration."""
    query = "SELECT evidence FROM audit_event WHERE action = 'PersonRegistered'"
    with closing(sqlite3.connect(tmp_path / "registry.sqlite3")) as connection:
        (kept,) = connection.execute(query).fetchone()
    evidence = json.dumps({**json.loads(kept), **members})
    update = "UPDATE audit_event SET evidence = ? WHERE action = 'PersonRegistered'"
    tamper(tmp_path, (update, (evidence,)))


OTHERS = Holder(uzi_number="900005678", first_names="Piet", last_name="Pietersen")


def others_certificate(house):
    card = house.register.card(OTHERS)
    return base64.b64encode(card.certificate.public_bytes(Encoding.DER)).decode()


async def test_a_changed_statement_is_found_out(house, verify, tmp_path):
    await person_registered(house)
    changed(tmp_path, statement="Ik registreer mij bij localhost.")

    status, told = await verify("PersonRegistered")

    assert (status, failed(told)) == (1, {"chain", "signature", "names"})


async def test_a_changed_signature_is_found_out(house, verify, tmp_path):
    await person_registered(house)
    changed(tmp_path, signature=base64.b64encode(b"s" * 64).decode())

    status, told = await verify("PersonRegistered")

    assert (status, failed(told)) == (1, {"chain", "signature"})


async def test_a_changed_certificate_is_found_out(house, verify, tmp_path):
    await person_registered(house)
    changed(tmp_path, certificate=others_certificate(house))

    status, told = await verify("PersonRegistered")

    assert (status, failed(told)) == (1, {"chain", "signature", "names"})


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("ura", "90000999", {"chain", "names"}),
        ("object", "person:another", {"chain", "names"}),
        ("time", 0, {"chain", "certificate"}),
        ("hash", "00" * 32, {"chain"}),
        ("previous", "00" * 32, {"chain"}),
        ("evidence", "{}", {"chain", "evidence"}),
        ("evidence", '{"signature": 1}', {"chain", "evidence"}),
        ("evidence", "[]", {"chain", "evidence"}),
        ("evidence", "nothing", {"chain", "evidence"}),
        ("sequence", "x", {"chain"}),
        ("sequence", 2**62, {"chain"}),
        ("time", "x", {"chain"}),
        ("time", -(10**17), {"chain"}),
        ("evidence", b"x", {"chain"}),
        ("ura", 1.5, {"chain", "names"}),
    ],
)
async def test_a_changed_row_is_found_out(house, verify, tmp_path, column, value, found):
    await person_registered(house)
    update = f"UPDATE audit_event SET {column} = ? WHERE action = 'PersonRegistered'"
    tamper(tmp_path, (update, (value,)))

    status, told = await verify("PersonRegistered")

    assert (status, failed(told)) == (1, found)


async def test_a_key_that_was_swapped_is_found_out(house, verify, tmp_path):
    await approved(house)
    swap = "UPDATE audit_event SET evidence = ? WHERE action = 'AuthenticatorBound'"
    tamper(tmp_path, (swap, ('{"public_key": "AAAA"}',)))

    for action in ("AuthRequestApproved", "AssertionIssued"):
        status, told = await verify(action)
        assert (status, failed(told)) == (1, {"signature", "binding"})


@pytest.mark.parametrize(
    ("action", "found"),
    [
        ("AuthenticatorBound", {"key", "signature", "binding"}),
        ("AuthRequestApproved", {"approval"}),
    ],
)
async def test_a_row_behind_an_assertion_that_cannot_be_read_is_found_out(
    house, verify, tmp_path, action, found
):
    await approved(house)
    tamper(tmp_path, ("UPDATE audit_event SET time = 'x' WHERE action = ?", (action,)))

    status, told = await verify("AssertionIssued")

    assert (status, failed(told)) == (1, found)


@pytest.mark.parametrize("change", ["object = 'person:q'", "ura = '90000999'"])
async def test_an_assertion_is_of_who_approved_it_for_that_organisation(
    house, verify, tmp_path, change
):
    await approved(house)
    tamper(tmp_path, (f"UPDATE audit_event SET {change} WHERE action = 'AssertionIssued'",))

    status, told = await verify("AssertionIssued")

    assert (status, failed(told)) == (1, {"chain", "approval"})


async def test_an_approval_that_is_gone_is_found_out(house, verify, tmp_path):
    await approved(house)
    gone = "DELETE FROM audit_event WHERE action = 'AuthRequestApproved'"
    tamper(tmp_path, (gone,))

    status, told = await verify("AssertionIssued")

    assert status == 1
    assert "approval" in failed(told)


async def test_where_nobody_signed_there_is_nothing_to_verify(house, command):
    await house.add_organisation()
    await command("organisation", "add", "90000999", "Andere zorg")
    events = {event["action"]: event["id"] for event in await house.events()}

    assert await command("audit", "evidence", "unknown") == (
        2,
        "Error: there is no event unknown in the audit log\n",
    )
    for action in ("OrganisationRegistered", "ServerStarted"):
        assert await command("audit", "evidence", events[action]) == (
            2,
            f"Error: nobody signed for this event ({action})\n",
        )


async def test_what_is_no_export_is_said(house, command, tmp_path):
    file = tmp_path / "log.jsonl"
    for text in ("nothing\n", '{"type": "event"}\n', "[]\n"):
        file.write_text(text)

        status, output = await command("audit", "evidence", "x", "--export", file)

        assert status == 2
        assert "not an export" in output
