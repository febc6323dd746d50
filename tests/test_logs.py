"""What the log holds, and what it never does: no secret, no token, no person."""

import io
import json
import logging

import pytest
import sqlalchemy as sa
import structlog

from clients.wire import WireError
from pairing_server.logs import configure
from pairing_server.registry.tables import person
from pairing_server.settings import LogFormat
from tests import calls
from tests.house import DATE_OF_BIRTH, WORKSTATION


@pytest.fixture
def log():
    """Configure the log as a server does, and hand over what is written to it."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    written = io.StringIO()

    def configured(least="debug", log_format=LogFormat.JSON):
        configure(least, log_format)
        root.handlers[0].setStream(written)
        return written

    try:
        yield configured
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()


def test_a_line_is_one_event_in_json(log):
    written = log()
    structlog.get_logger("test").info("asked", what="a\nb")

    (line,) = written.getvalue().splitlines()
    said = json.loads(line)
    assert (said["event"], said["level"], said["what"]) == ("asked", "info", "a\nb")
    assert said["timestamp"].endswith("Z")


def test_libraries_write_the_same_lines(log):
    written = log()
    logging.getLogger("library").warning("%s\n%s", "two", "lines")

    (line,) = written.getvalue().splitlines()
    assert json.loads(line)["event"] == "two\nlines"


def test_what_cannot_be_written_fails_nobody(log, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log().close()
    structlog.get_logger("test").info("asked")


@pytest.mark.parametrize("what", ["\ud800", object(), b"bytes", {1, 2}])
def test_whatever_a_line_holds_is_written(log, what):
    written = log()
    structlog.get_logger("test").info("asked", what=what)

    assert json.loads(written.getvalue())["event"] == "asked"


@pytest.mark.parametrize("log_format", LogFormat)
def test_a_stack_trace_holds_no_variables(log, log_format):
    written = log(log_format=log_format)

    def broken(secret):
        raise LookupError(len(secret))

    with pytest.raises(LookupError) as caught:
        broken(DATE_OF_BIRTH)
    structlog.get_logger("test").error("bug", exc_info=caught.value)

    assert "LookupError: 10" in written.getvalue()
    assert DATE_OF_BIRTH not in written.getvalue()


def test_what_is_below_the_level_is_not_written(log):
    written = log("warning")
    structlog.get_logger("test").info("asked")
    logging.getLogger("library").info("asked")

    assert written.getvalue() == ""


async def used_once(house):
    """Play the main job and its refusals, and return every value that is secret or somebody's."""
    page = await calls.register(house)
    phone = await calls.pair(house, page, push_token="push-token-of-the-phone")
    workstation = await house.workstation()
    started = await house.ask(workstation, binding_message="8765432")
    (request,) = await phone.auth_requests()
    with pytest.raises(WireError):
        await phone.approve(request, "1234567")
    await phone.approve(request, started.binding_code)
    assertion = await workstation.poll(started)
    await workstation.userinfo(assertion.access_token)
    await refused_once(house, page, phone)
    old_token = phone.device_token
    await phone.rotate_device_token()
    await phone.credential()
    await house.phone_status().block(phone.credential_id, "operator:test")
    holder = house.holder
    cookies = {f"{one.key} cookie": one.value for one in page._http.cookie_jar}
    stored = await house.registry.read(lambda tx: tx.one(sa.select(person)))
    return {
        **cookies,
        "first names": f"{holder.first_names} ",
        "last name": holder.last_name,
        "user name": stored["user_name"],
        "person": stored["id"],
        "UZI number": holder.uzi_number,
        "date of birth": DATE_OF_BIRTH,
        "other date of birth": "1980-01-30",
        "device token": old_token,
        "new device token": phone.device_token,
        "push token": "push-token-of-the-phone",
        "credential": phone.credential_id,
        "auth_req_id": started.auth_req_id,
        "auth request": request.id,
        "nonce": request.nonce,
        "binding code": started.binding_code,
        "wrong code": "1234567",
        "ID token": assertion.id_token,
        "access token": assertion.access_token,
        "subject": assertion.claims.sub,
        "workstation": WORKSTATION["workstation"],
        "location": WORKSTATION["location"],
    }


async def refused_once(house, page, phone):
    session = await page.start_session("login")
    for refused in (
        page.registration("1980-01-30"),
        page.confirm("unknown", "1234567"),
        phone.get("unknown"),
        house.agent().prove(session.agent_uri.replace(session.nonce, "x" * 43), house.card),
    ):
        with pytest.raises(WireError):
            await refused


@pytest.mark.parametrize("log_format", LogFormat)
async def test_the_log_names_no_secret_and_nobody(make_house, log, log_format):
    written = log(log_format=log_format)
    async with make_house() as house:
        house.card = house.register.card(house.holder)
        used = await used_once(house)

    told = written.getvalue()
    assert told.count("answered") > 20
    assert told.count("refused") >= 5
    assert {name: value for name, value in used.items() if value in told} == {}
