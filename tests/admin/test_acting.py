"""At the commit: whose session has ended since the page was opened does nothing any more."""

import pytest

from pairing_server.registry import people
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import at_work, employ, log_out_meanwhile

PAGE = "/admin/people/anna/membership"
NORA = {
    "first_names": "Nora",
    "last_name": "Nieuw",
    "role_codes": "01.015",
    "date_of_birth": "3-2-1990",
}
FORMS = {
    "unlink": (f"{PAGE}/unlink", {"sure": "yes"}),
    "roles": (f"{PAGE}/roles", {"role_codes": "30.000"}),
    "name": (f"{PAGE}/name", {"first_names": "An", "last_name": "Ander"}),
    "contact": (f"{PAGE}/contact", {"address": "a@b.example"}),
    "appoint": (f"{PAGE}/appoint", {"administrative_role": "administrator"}),
    "dismiss": (f"{PAGE}/dismiss", {}),
    "invite": ("/admin/people/new/invite", {**NORA, "kind": "employee"}),
    "export": ("/admin/people/export", {}),
    "log export": ("/admin/log/export", {"form": "json"}),
    "notice": ("/admin/notices/read", {"notice": "n"}),
}


@pytest.fixture
async def chief(house):
    await employ(house, "anna", AdministrativeRole.OPERATOR)
    return await at_work(house, AdministrativeRole.ADMINISTRATOR)


async def state(house):
    membership = await house.registry.read(
        lambda tx: people.membership(tx, "anna", house.holder.ura)
    )
    return membership, await house.events()


@pytest.mark.parametrize(("path", "form"), FORMS.values(), ids=FORMS)
async def test_a_session_that_ends_at_that_moment_does_nothing(
    house, chief, monkeypatch, path, form
):
    before = await state(house)
    log_out_meanwhile(house, monkeypatch)

    shown = await chief.post(path, form)

    assert shown.status == 401
    assert await state(house) == before


@pytest.mark.parametrize("path", ["/admin/log", "/admin/log/events/{event}"])
async def test_a_session_that_ends_at_that_moment_reads_no_log(house, chief, monkeypatch, path):
    await chief.post(f"{PAGE}/unlink", {"sure": "yes"})
    events = await house.events()
    log_out_meanwhile(house, monkeypatch)

    shown = await chief.get(path.format(event=events[-1]["id"]))

    assert shown.status == 401
    assert await house.events() == events
