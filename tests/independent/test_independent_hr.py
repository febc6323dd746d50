"""An HR system of others does a day's work: it knows the issuer, and reads the rest."""

import json
import re
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.admin.desk import employ
from tests.admin.machine import program as registered
from tests.documents import read
from tests.node import program

HERE = Path(__file__).parent


@pytest.fixture
async def phone(house):
    return await house.bind()


@pytest.fixture
async def hr(house, phone):
    for name in ("anna", "boris", "carla"):
        await employ(house, name)
    return await registered(house)


@pytest.fixture
def key(house, hr, tmp_path):
    file = tmp_path / "hr.pem"
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(house.client_key.private_bytes(*form, serialization.NoEncryption()))
    return file


async def test_an_hr_system_of_others_does_its_days_work(house, hr, key):
    known = (house.base_url, hr.client.id, key, hr.ura, house.holder.uzi_number)
    async with program(sys.executable, HERE / "authlib_hr.py", *known) as run:
        assert await run.ends() == 0, run.err

    told = {}
    for line in run.out.splitlines():
        told |= json.loads(line)
    assert told == {
        "scope": "admin",
        "pages": [2, 2],
        "invited": [201, 201, True],
        "changed": [["01.016", "01.015"], "changed_since_read"],
        "mailed": True,
        "offered": [201, 204],
        "blocked": ["active", 204, "blocked"],
        "left": False,
        "log": [
            "LogViewed",
            *("MemberUnlinked", "MailAddressChanged", "MembershipChanged", "PersonInvited"),
        ],
        "exported": ["checkpoint", "event", "head", "keys", "left-out"],
    }


async def test_what_the_document_shows_runs(house, hr, key, tmp_path):
    (shown,) = re.findall(r"```python\n(.*?)```", read("docs/administration.md"), re.DOTALL)
    for example, real in (
        ("https://login.example.nl", house.base_url),
        ("uQ0J1dCkT0S8aZ1mEo3xYg", hr.client.id),
        ("90000382", hr.ura),
        ("hr.pem", str(key)),
    ):
        assert example in shown
        shown = shown.replace(example, real)
    file = tmp_path / "shown.py"
    file.write_text(shown)

    async with program(sys.executable, file) as run:
        assert await run.ends() == 0, run.err

    assert run.out.split() == ["201", "200", "30.000"]
