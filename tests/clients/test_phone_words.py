"""Every refusal in words, and nothing that others wrote moves the cursor."""

import re

import aiohttp
import pytest

from clients.auth_request import AuthRequest, Closed, WrongCode
from clients.authenticator import Unable
from clients.pairing import Identity, PairingEnded
from clients.phone_record import Notice, PastEvent, PhoneRecord
from clients.phone_words import (
    TROUBLES,
    code_of,
    event_lines,
    fields,
    identity_lines,
    notice_lines,
    phone_lines,
    refusal,
    request_lines,
)
from clients.wire import MalformedAnswer, WireError

EVIL = "\x1b[2J\u202eevil\r\n\x07"


@pytest.mark.parametrize(
    ("error", "told", "code"),
    [
        (WrongCode(422, {"error": "wrong_code", "attempts_left": 2}), "2 more", "wrong_code"),
        (WrongCode(422, {"error": "wrong_code", "attempts_left": 0}), "last one", "wrong_code"),
        (Closed(409, {"error": "closed", "status": "superseded"}), "asked again", "closed"),
        (Closed(409, {"error": "closed"}), "refuses: 409 closed", "closed"),
        (
            Closed(409, {"error": "not_unblocked", "error_description": "Pair it."}),
            "Pair it",
            "not_unblocked",
        ),
        (WireError(401, {"error": "invalid_token"}), "zorgid-phone recover", "invalid_token"),
        (WireError(403, {"error": "phone_blocked"}), "unblock --code", "phone_blocked"),
        (WireError(403, {"error": "phone_expired"}), "expired", "phone_expired"),
        (WireError(404, {"error": "not_found"}), "nothing like that", "not_found"),
        (WireError(410, {"error": "expired"}), "too long", "expired"),
        (WireError(429, {}), "patience", "refused"),
        (WireError(503, {"error": "unavailable"}), r"trouble \(503\)", "unavailable"),
        (WireError(400, {"error_description": f"Do {EVIL}"}), r": Do \[2J evil$", "refused"),
        (WireError(400, {}), "refuses: 400", "refused"),
        (MalformedAnswer(EVIL), r"understands: \[2J evil\.", "malformed_answer"),
        (PairingEnded("refused"), "refused", "ended"),
        (Unable("no key"), "Pair it again", "no_phone"),
        (aiohttp.ClientSSLError(None, OSError()), "not trusted", "unreachable"),
        (aiohttp.ServerDisconnectedError(), "cannot be reached", "unreachable"),
        (TimeoutError(), "cannot be reached", "unreachable"),
    ],
)
def test_a_refusal_is_one_line_of_words(error, told, code):
    assert isinstance(error, TROUBLES)
    assert re.search(told, refusal(error))
    assert refusal(error).isprintable()
    assert code_of(error) == code


def phone(**changed):
    shown = {
        "credential_id": EVIL,
        "device_name": EVIL,
        "status": EVIL,
        "is_this": True,
        "is_default": True,
        "bound_at": EVIL,
        "expires_at": EVIL,
        "last_used_at": EVIL,
        "last_used_workstation": EVIL,
    }
    return PhoneRecord(**shown | changed)


@pytest.mark.parametrize(
    "lines",
    [
        request_lines(AuthRequest(id=EVIL, client=EVIL, message=EVIL)),
        identity_lines(Identity(name=EVIL, role=EVIL, organisation=EVIL, ura=EVIL)),
        phone_lines([phone()]),
        event_lines([PastEvent(id=EVIL, at=EVIL, kind=EVIL, client=EVIL, workstation=EVIL)]),
        notice_lines([Notice(id=EVIL, at=EVIL, kind=EVIL, device_name=EVIL, detail=EVIL)]),
        fields({EVIL: EVIL}),
    ],
)
def test_what_others_wrote_moves_nothing_on_the_terminal(lines):
    assert lines
    assert all(line.isprintable() for line in lines)


def test_a_request_shows_all_its_fields():
    lines = request_lines(AuthRequest(id="a", message="Medicatie", code_length=6))

    names = [line.split()[0] for line in lines[1:]]
    assert names == list(AuthRequest.__struct_fields__)
    assert "  message       Medicatie" in lines


def test_phones_stand_in_columns():
    this = phone(credential_id="abcdefghij", device_name="iPhone", status="active")
    never = phone(
        credential_id="klmnopqrst",
        device_name="",
        model="Pixel 12",
        is_this=False,
        is_default=False,
        last_used_at=None,
        last_used_workstation="",
    )

    title, first, second = phone_lines([this, never])

    assert title.split()[:3] == ["ID", "STATUS", "NAME"]
    assert first.startswith("abcdefgh  active  ")
    assert "iPhone    this one, default" in first
    assert "Pixel 12" in second
    assert " never" in second
