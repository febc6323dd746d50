"""A list of people is looked at, and applied as it was shown."""

import asyncio
import csv
import io
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from admin import import_flow
from admin.csv_table import MAX_LINES, TableError
from admin.import_flow import AT_ONCE, ImportFlow
from admin.import_rules import Verdict
from admin.linking_flow import LinkingFlow
from admin.people_refusals import ChangedSinceShown
from admin.refusals import Forbidden
from pairing_server.registry import members, offers, people
from pairing_server.registry.member_listings import listed_as
from pairing_server.registry.people import AdministrativeRole, MembershipKind
from tests.admin.staff import (
    ADMINISTRATOR,
    BIRTHS,
    DESK,
    GUEST_UNTIL,
    IVO,
    NINA,
    NOW,
    OPERATOR,
    OURS,
    actions,
    member,
    membership_of,
    person_of,
    put,
    written,
)

HEADER = (
    "action;user_name;uzi_number;first_names;last_name;date_of_birth;role_codes;kind;valid_until;"
    "administrative_role\n"
)
COLUMNS = HEADER.strip().split(";")


@pytest.fixture
def ended():
    return []


@pytest.fixture
def flow(staffed, ports, ended):
    return flow_on(ports, ended)


def flow_on(ports, ended=None):
    async def end_at(person_id, ura):
        (ended if ended is not None else []).append((person_id, ura))

    return ImportFlow(ports, BIRTHS, LinkingFlow(ports, BIRTHS), end_at)


def line(**cells):
    assert set(cells) <= set(COLUMNS)
    return ";".join(cells.get(column, "") for column in COLUMNS)


def sent(*lines, header=HEADER):
    return (header + "\n".join(lines)).encode()


PIET = line(first_names="Piet", last_name="Pieters", date_of_birth="5-5-1985", role_codes="01.015")
GUEST = line(
    uzi_number="911111111",
    first_names="Gea",
    last_name="Gast",
    role_codes="01.015 01.016",
    kind="gast",
    valid_until="31-12-2026",
)
CHANGED = line(uzi_number=NINA.uzi_number, role_codes="01.016", valid_until="31-12-2026")
LEAVER = line(action="unlink", user_name=IVO.user_name)


async def looked(flow, *lines, **options):
    return (await flow.look(OPERATOR, sent(*lines, **options))).planned


async def refused(flow, *lines):
    *_, last = await looked(flow, *lines)
    assert last.verdict is Verdict.REFUSED
    assert last.message.endswith(".")
    return last.column


async def test_a_look_says_what_would_become_of_each_line_and_does_nothing(flow, staffed):
    report = await flow.look(OPERATOR, sent(PIET, GUEST, CHANGED, LEAVER))

    assert [(each.line, each.verdict) for each in report.planned] == [
        (2, Verdict.ADD),
        (3, Verdict.OFFER),
        (4, Verdict.CHANGE),
        (5, Verdict.UNLINK),
    ]
    assert [each.name for each in report.planned] == [
        "Piet Pieters",
        "Gea Gast",
        "Nina de Boer",
        "Ivo de Boer",
    ]
    change = report.planned[2]
    assert (change.was["role_codes"], change.will_be["role_codes"]) == (["01.015"], ["01.016"])
    assert await written(staffed) == []
    assert len(await staffed.read(lambda tx: members.of_organisation(tx, OURS.ura))) == 4


async def apply(flow, *lines, who=OPERATOR):
    raw = sent(*lines)
    report = await flow.look(who, raw)
    return await flow.apply(who, raw, report.digest)


async def test_a_list_is_applied_as_it_was_shown(flow, staffed, ended):
    await apply(flow, PIET, GUEST, CHANGED, LEAVER)

    found = {
        each.person.name: each.membership
        for each in await staffed.read(lambda tx: members.of_organisation(tx, OURS.ura))
    }
    assert found["Piet Pieters"].kind is MembershipKind.EMPLOYEE
    assert found["Nina de Boer"].role_codes == ("01.016",)
    assert not found["Ivo de Boer"].is_valid(NOW)
    assert ended == [("ivo", OURS.ura)]
    (offered,) = await staffed.read(lambda tx: offers.of_organisation(tx, OURS.ura))
    assert (offered.name, offered.role_codes) == ("Gea Gast", ("01.015", "01.016"))
    assert await actions(staffed) == [
        "PersonInvited",
        "MembershipOffered",
        "MembershipChanged",
        "MemberUnlinked",
        "PeopleImported",
    ]
    lines = (await written(staffed))[-1][-1]["lines"]
    assert lines == {"add": 1, "offer": 1, "change": 1, "unlink": 1, "nothing": 0, "refused": 0}


async def test_a_list_that_was_applied_changes_nothing_more(flow, staffed):
    await apply(flow, PIET, GUEST, CHANGED, LEAVER)
    before = await actions(staffed)

    report = await apply(flow, PIET, GUEST, CHANGED, LEAVER)

    assert {each.verdict for each in report.planned} == {Verdict.NOTHING}
    assert await actions(staffed) == [*before, "PeopleImported"]


async def taken(flow):
    return b"".join([part async for part in await flow.export(OPERATOR)])


async def test_what_is_exported_changes_nothing_when_it_comes_back(flow, staffed):
    await apply(flow, PIET, GUEST, CHANGED)
    raw = await taken(flow)

    report = await flow.look(OPERATOR, raw)

    assert len(report.planned) == 5
    assert {each.verdict for each in report.planned} == {Verdict.NOTHING}
    assert (await written(staffed))[-1][-1] == {"people": 5}
    assert str(1980) not in raw.decode()


@pytest.mark.parametrize("most", [1, 2, 4])
async def test_an_export_of_any_length_is_read_in_parts_and_stands_by_name(
    flow, staffed, monkeypatch, most
):
    await apply(flow, PIET, GUEST, CHANGED)
    whole = await taken(flow)
    monkeypatch.setattr(import_flow, "READ_AT_ONCE", most)

    assert await taken(flow) == whole
    rows = csv.DictReader(io.StringIO(whole.decode("utf-8-sig")), delimiter=";")
    names = [listed_as(row["first_names"], row["last_name"]) for row in rows]
    assert len(names) == 5
    assert names == sorted(names)


async def test_who_left_is_not_exported(flow, staffed):
    await put(staffed, member("nina", valid_until=NOW))

    assert "nina" not in (await taken(flow)).decode()


async def test_a_report_is_of_one_list_and_of_one_moment(flow, staffed):
    raw = sent(CHANGED)
    report = await flow.look(OPERATOR, raw)
    await put(staffed, member("nina", valid_until=GUEST_UNTIL))

    with pytest.raises(ChangedSinceShown):
        await flow.apply(OPERATOR, raw, report.digest)
    with pytest.raises(ChangedSinceShown):
        await flow.apply(OPERATOR, sent(CHANGED, PIET), report.digest)

    assert await written(staffed) == []


class Meanwhile:
    """A registry that lets another step in before the nth commit."""

    def __init__(self, registry, step, nth=1):
        self._registry, self._step, self._left = registry, step, nth

    @property
    def stalled(self):
        return self._left <= 0

    async def read(self, query):
        return await self._registry.read(query)

    async def commit(self, change):
        self._left -= 1
        if self._left == 0:
            await self._step()
        return await self._registry.commit(change)


async def applied_while(staffed, ports, step, *lines, nth=1):
    raw = sent(*lines)
    report = await flow_on(ports).look(OPERATOR, raw)
    registry = Meanwhile(staffed, step, nth)
    flow = flow_on(replace(ports, registry=registry))
    with pytest.raises(ChangedSinceShown) as caught:
        await flow.apply(OPERATOR, raw, report.digest)
    assert registry.stalled
    return caught.value.members


async def test_what_changes_while_a_list_is_applied_stops_it_there(staffed, ports):
    async def change():
        await put(staffed, member("nina", valid_until=GUEST_UNTIL))

    told = await applied_while(staffed, ports, change, PIET, CHANGED)

    assert told == {"line": 3}
    assert await written(staffed) == []


async def test_who_is_renamed_while_a_list_is_applied_stops_it(staffed, ports):
    async def rename():
        renamed = replace(IVO, first_names="Ivan")
        await staffed.commit(lambda tx: people.update_person(tx, renamed))

    told = await applied_while(
        staffed, ports, rename, line(user_name=IVO.user_name, role_codes="01.016")
    )

    assert told == {"line": 2}


async def test_who_is_invited_while_a_list_is_applied_is_not_invited_twice(staffed, ports):
    async def invite():
        await apply(flow_on(ports), PIET)

    told = await applied_while(staffed, ports, invite, PIET)

    assert told == {"line": 2}
    assert (await actions(staffed)).count("PersonInvited") == 1


async def test_lines_before_the_one_that_stops_stay_done(staffed, ports):
    newcomers = [
        line(
            first_names=f"P{'abcdefgh'[n // 10]}{'abcdefghij'[n % 10]}",
            last_name="Nieuw",
            date_of_birth="5-5-1985",
            role_codes="01.015",
        )
        for n in range(AT_ONCE)
    ]

    async def change():
        await put(staffed, member("nina", valid_until=GUEST_UNTIL))

    told = await applied_while(staffed, ports, change, *newcomers, CHANGED, nth=2)

    assert told == {"line": AT_ONCE + 2}
    assert await actions(staffed) == ["PersonInvited"] * AT_ONCE


async def test_refused_lines_are_left_out_and_the_others_applied(flow, staffed):
    report = await apply(flow, line(uzi_number="1"), CHANGED)

    assert [each.verdict for each in report.planned] == [Verdict.REFUSED, Verdict.CHANGE]
    assert (await membership_of(staffed, "nina")).role_codes == ("01.016",)


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"uzi_number": "90000000"}, "uzi_number"),
        ({"user_name": "els.deboer"}, "user_name"),
        ({"user_name": "nina.deboer", "uzi_number": "900000002"}, "uzi_number"),
        ({"uzi_number": "900000003", "role_codes": "1.1"}, "role_codes"),
        ({"uzi_number": "900000003", "valid_until": "1-1-2020"}, "valid_until"),
        ({"uzi_number": "900000003", "kind": "guest"}, "kind"),
        ({"uzi_number": "900000003", "date_of_birth": "1-2-1980"}, "date_of_birth"),
        ({"uzi_number": "900000003", "action": "revoke"}, "action"),
        ({"uzi_number": "911111111", "action": "unlink"}, "action"),
        ({"user_name": "otto.deboer", "action": "unlink"}, "action"),
        ({"uzi_number": "911111111"}, "first_names"),
        ({"first_names": "Piet", "last_name": "P"}, "date_of_birth"),
        (
            {"first_names": "Piet", "last_name": "999993653", "uzi_number": "911111111"},
            "last_name",
        ),
        (
            {
                "uzi_number": "911111111",
                "first_names": "Gea",
                "last_name": "Gast",
                "role_codes": "01.015",
                "kind": "guest",
            },
            "valid_until",
        ),
        (
            {
                "first_names": "Gea",
                "last_name": "Gast",
                "date_of_birth": "5-5-1985",
                "role_codes": "01.015",
                "kind": "guest",
                "valid_until": "31-12-2026",
            },
            "uzi_number",
        ),
    ],
)
async def test_a_line_is_refused_with_its_column(flow, cells, column):
    assert await refused(flow, line(**cells)) == column


@pytest.mark.parametrize("name", ["nina.deboer", ""])
async def test_a_list_appoints_nobody(flow, staffed, name):
    cells = {"user_name": name} if name else {"uzi_number": "911111111"}
    newcomer = {"first_names": "Gea", "last_name": "Gast", "role_codes": "01.015"}
    wanted = line(**cells, **newcomer, administrative_role="administrator")

    assert await refused(flow, wanted) == "administrative_role"


async def test_a_list_gives_no_administrator_an_end(flow):
    assert await refused(flow, line(user_name="anne.deboer", valid_until="31-12-2026")) == (
        "valid_until"
    )


async def test_a_list_gives_who_manages_no_other_time_and_no_other_name(flow, staffed):
    until = NOW + timedelta(days=9)
    await put(staffed, member("ivo", AdministrativeRole.OPERATOR, valid_until=until))

    later = line(user_name="ivo.deboer", valid_until="31-12-2026")
    other = "ivo.deboer;Ivo;Overnemer"
    named = await looked(flow, other, header="user_name;first_names;last_name\n")

    assert await refused(flow, later) == "valid_until"
    assert [each.column for each in named] == ["last_name"]


async def test_a_person_stands_in_a_list_once(flow):
    for twice in ((CHANGED, CHANGED), (PIET, PIET), (GUEST, GUEST)):
        assert await refused(flow, *twice) == ""


async def test_a_line_with_more_cells_than_columns_is_refused(flow):
    assert await refused(flow, CHANGED + ";more") == ""


async def test_who_has_shown_a_card_keeps_its_name_and_others_are_corrected(flow, staffed):
    await apply(
        flow,
        line(user_name="nina.deboer", first_names="Nina", last_name="Other", role_codes="01.016"),
        line(user_name="ivo.deboer", first_names="Ivo", last_name="de Vries"),
    )

    assert (await person_of(staffed, "nina")).name == "Nina de Boer"
    assert (await person_of(staffed, "ivo")).name == "Ivo de Vries"


async def test_columns_that_are_not_there_change_nothing(flow, staffed):
    await put(staffed, member("nina", valid_until=GUEST_UNTIL))
    (planned,) = await looked(flow, "nina.deboer;01.015", header="user_name;role_codes\n")

    assert planned.verdict is Verdict.NOTHING


async def test_a_guest_whose_time_is_over_is_asked_again(flow, staffed):
    await put(staffed, member("nina", kind=MembershipKind.GUEST, valid_until=NOW))
    again = line(
        uzi_number=NINA.uzi_number,
        first_names="Nina",
        last_name="de Boer",
        role_codes="01.015",
        kind="guest",
        valid_until="31-12-2026",
    )

    (planned,) = await looked(flow, again)

    assert planned.verdict is Verdict.OFFER


async def test_who_left_for_another_organisation_is_asked_again(flow, staffed):
    await put(staffed, member("nina", valid_until=NOW), member("ivo", valid_until=NOW))
    again = line(
        uzi_number=NINA.uzi_number, first_names="Nina", last_name="de Boer", role_codes="01.015"
    )

    planned = await looked(flow, again, line(user_name="ivo.deboer", role_codes="01.015"))

    assert [each.verdict for each in planned] == [Verdict.OFFER, Verdict.CHANGE]
    await apply(flow, again)
    assert not (await membership_of(staffed, "nina")).is_valid(NOW)


async def test_people_of_others_are_offered_and_nothing_is_learnt_of_them(flow):
    cells = {
        "first_names": "Els",
        "last_name": "de Boer",
        "role_codes": "01.015",
        "kind": "guest",
        "valid_until": "31-12-2026",
    }
    known, unknown = await looked(
        flow, line(uzi_number="900000004", **cells), line(uzi_number="911111111", **cells)
    )

    assert replace(known, line=0, uzi_number="") == replace(unknown, line=0, uzi_number="")


async def test_the_service_desk_neither_imports_nor_exports(flow):
    for act in (flow.look(DESK, sent(PIET)), flow.apply(DESK, sent(PIET), "x"), flow.export(DESK)):
        with pytest.raises(Forbidden):
            await act


async def test_what_is_no_list_is_refused(flow):
    with pytest.raises(TableError):
        await flow.look(OPERATOR, b"\xff\xfe")


async def test_two_who_apply_the_same_list_at_once_do_it_once(flow, staffed):
    raw = sent(PIET, GUEST, CHANGED)
    report = await flow.look(OPERATOR, raw)

    await asyncio.gather(
        *(flow.apply(who, raw, report.digest) for who in (OPERATOR, ADMINISTRATOR)),
        return_exceptions=True,
    )

    assert (await actions(staffed)).count("PersonInvited") == 1
    assert (await actions(staffed)).count("MembershipChanged") == 1


async def test_5000_lines_go_in_one_go_and_others_are_not_kept_waiting(flow, staffed):
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [a + b + c for a in letters for b in letters for c in letters][:MAX_LINES]
    lines = [
        line(first_names=name, last_name="Nieuw", date_of_birth="5-5-1985", role_codes="01.015")
        for name in names
    ]
    importing = asyncio.create_task(apply(flow, *lines))
    waited = []
    while not importing.done():
        began = time.perf_counter()
        await staffed.commit(lambda tx: members.count(tx, OURS.ura, NOW))
        waited.append(time.perf_counter() - began)
        await asyncio.sleep(0.05)

    report = await importing
    assert report.count(Verdict.ADD) == MAX_LINES
    assert await staffed.read(lambda tx: members.count(tx, OURS.ura, NOW)) == MAX_LINES + 4
    assert len(waited) > 10
    assert max(waited) < 2
