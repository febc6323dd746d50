"""`zorgid-phone` and all phones of its person, against a real server."""

import pytest

from clients.wire import WireError


@pytest.fixture
async def two(house, phone):
    """Two phones of one person, by the names `one` and `two`."""
    page = await house.registered()
    assert (await phone.pairs(page, "--phone", "one")).status == 0
    assert (await phone.pairs(page, "--phone", "two")).status == 0
    return phone


def key(command, name):
    return command.state(name)["credential_id"]


async def test_the_phones_of_a_person_are_listed(two):
    rows = (await two.does("phones", "--phone", "one", "--json")).rows
    shown = await two.does("phones", "--phone", "one")

    assert {row["credential_id"]: row["is_this"] for row in rows} == {
        key(two, "one"): True,
        key(two, "two"): False,
    }
    assert "this one" in shown.out
    assert key(two, "two")[:8] in shown.out


async def test_a_phone_gets_another_name(two):
    renamed = await two.does("rename", "this", "Telefoon van de balie", "--phone", "one")

    assert (renamed.status, renamed.out.splitlines()[-1]) == (0, "Renamed.")
    assert "  value         Telefoon van de balie" in renamed.out.splitlines()
    assert "Telefoon van de balie" in (await two.does("phones", "--phone", "two")).out
    assert (await two.does("block", "Telefoon van de balie", "--phone", "two")).status == 0
    assert "blocked" in (await two.does("list", "--phone", "one")).err


async def test_one_phone_is_woken_first_until_that_is_undone(two):
    assert (await two.does("default", "this", "--phone", "one")).status == 0
    chosen = (await two.does("phones", "--phone", "two", "--json")).rows
    undone = await two.does("default", "this", "--off", "--phone", "one")
    after = (await two.does("phones", "--phone", "two", "--json")).rows

    assert [row["credential_id"] for row in chosen if row["is_default"]] == [key(two, "one")]
    assert undone.out.splitlines()[-1] == "All are woken from now on."
    assert not any(row["is_default"] for row in after)


async def test_another_phone_is_revoked_by_how_its_identifier_begins(two):
    beginning = key(two, "two")[:10]

    revoked = await two.does("revoke", beginning, "--yes", "--phone", "one")

    assert revoked.status == 0
    assert "not bound" in (await two.does("list", "--phone", "two")).err
    assert (await two.does("list", "--phone", "one")).status == 0


async def test_a_revocation_is_asked_before(two):
    async with two.on_a_terminal("revoke", "this", "--phone", "one") as run:
        await run.reads("Revoke it? [y/N] ")
        run.types("")
        await run.reads("Left as it was.")
        assert await run.ends() == 1

    assert (await two.does("list", "--phone", "one")).status == 0


@pytest.mark.parametrize(
    ("which", "told"), [("", "more than one phone"), ("unknown", "no phone unknown")]
)
async def test_a_phone_that_is_not_there_is_told(two, which, told):
    refused = await two.does("block", which, "--phone", "one")

    assert refused.status == 1
    assert told in refused.err


async def test_what_was_done_is_in_the_history(house, two):
    workstation = await house.workstation()
    started = await house.ask(workstation)
    assert (
        await two.does("approve", "--code", started.binding_code, "--phone", "one")
    ).status == 0

    rows = (await two.does("history", "--phone", "two", "--json")).rows
    shown = await two.does("history", "--phone", "two")

    assert rows[0]["kind"] == "approved"
    assert (rows[0]["client"], rows[0]["workstation"]) == ("HIS", "Balie 1")
    assert rows[0]["credential_id"] == key(two, "one")
    assert {row["kind"] for row in rows[1:]} == {"paired"}
    assert "approved" in shown.out.splitlines()[1]


async def test_the_other_phone_is_told_of_what_concerns_it(two):
    assert (await two.does("recover", "--phone", "one")).status == 0

    before = await two.does("notices", "--phone", "one")
    rows = (await two.does("notices", "--phone", "two", "--json")).rows
    shown = await two.does("notices", "--phone", "two")

    assert "phone_added" in before.out
    assert rows[0]["kind"] == "token_replaced"
    assert rows[0]["credential_id"] == key(two, "one")
    assert "token_replaced" in shown.out


async def test_a_workstation_that_was_closed_by_not_me_is_opened_again(house, paired):
    workstation = await house.workstation()
    await house.ask(workstation)
    assert (await paired.does("deny", "--not-me")).status == 0

    (closed,) = (await paired.does("workstations", "--json")).rows
    shown = await paired.does("workstations")
    unknown = await paired.does("open", "AAAAAAAA")
    opened = await paired.does("open", closed["id"][:8])
    (after,) = (await paired.does("workstations", "--json")).rows

    assert (closed["client"], closed["workstation"]) == ("HIS", "Balie 1")
    assert "not since" in shown.out
    assert (unknown.status, opened.status) == (1, 0)
    assert "There is no workstation AAAAAAAA" in unknown.err
    assert after == closed | {"push_closed_at": None}


async def test_nothing_to_be_told_is_said(house, paired):
    told = await paired.does("notices")

    assert (told.status, told.out) == (0, "Nothing so far.\n")
    assert (await paired.does("notices", "--json")).out == ""


async def test_a_change_is_made_once(house):
    phone = await house.bind()
    change = await phone.start_change("rename", phone.credential_id, "A")
    await phone.sign_change(change)

    with pytest.raises(WireError) as refused:
        await phone.sign_change(change)

    assert refused.value.status == 404
