"""How an organisation stands, in words and pictures for who looks whether anything is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from admin import overview_rules as rules
from admin.access import Act
from admin.chart import Chart, lay_out
from admin.frame import SYSTEMS
from admin.log_counts import DENIED, NEW_PLACE, LogCounts
from admin.log_rules import Wanted
from admin.systems_standing import Standing
from pairing_server.languages import N_
from pairing_server.registry.people_overview import Counts, PhoneState

PHONES = "/admin/phones"
_LOG = "/admin/log"

#: What is looked at of phones, in words; and what the list of them is called.
STATES: Mapping[PhoneState, str] = {
    PhoneState.BLOCKED: N_("Phones that are blocked"),
    PhoneState.EXPIRING: N_("Phones that expire within 30 days"),
    PhoneState.UNREACHABLE: N_("Phones that cannot be woken"),
}
#: What each list is called beside the others.
SHORT: Mapping[PhoneState, str] = {
    PhoneState.BLOCKED: N_("Blocked"),
    PhoneState.EXPIRING: N_("Expire soon"),
    PhoneState.UNREACHABLE: N_("Cannot be woken"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A number that tells whether anything is wrong.

    Attributes:
        path: The list behind it; none for who may not see that.
        note: What it is compared with, and the values in that.
    """

    label: str
    count: int
    path: str = ""
    is_wrong: bool = False
    note: str = ""
    values: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart with what stands beside it.

    Attributes:
        id: By which the page names its parts.
        kinds: What the bars are, and what they are compared with.
        rows: The numbers, as a table has them: when or what, and one or two of them.
    """

    id: str
    title: str
    kinds: tuple[str, ...]
    chart: Chart
    rows: Sequence[tuple[Any, ...]]
    starts: Sequence[datetime] = ()

    @property
    def total(self) -> int:
        """All bars together."""
        return sum(bar.value for bar in self.chart.bars)

    @property
    def most(self) -> int:
        """The highest one."""
        return max((bar.value for bar in self.chart.bars), default=0)


def tiles(
    counted: Counts, numbers: LogCounts, pending: int, unread: int, may: frozenset[Act]
) -> list[Tile]:
    """Return what tells whether anything is wrong."""
    phones = [
        Tile(
            label=STATES[state],
            count=counted.states[state],
            path=f"{PHONES}?state={state.value}",
            is_wrong=counted.states[state] > 0,
        )
        for state in PhoneState
    ]
    found = [
        *phones,
        _compared(N_("Logins declined in 24 hours"), DENIED, numbers.denied_lately, numbers, may),
        _compared(
            N_("Logins at a workstation new to the person, in 24 hours"),
            NEW_PLACE,
            numbers.new_places_lately,
            numbers,
            may,
        ),
    ]
    if Act.WITHDRAW_REQUEST in may:
        label = N_("Requests that wait for a second administrator")
        found.append(
            Tile(
                label=label,
                count=pending,
                path="#pending" if pending else "",
                is_wrong=pending > 0,
            )
        )
    if Act.READ_NOTICE in may:
        label = N_("Notices that nobody has read")
        found.append(
            Tile(label=label, count=unread, path="#notices" if unread else "", is_wrong=unread > 0)
        )
    return found


def system_tiles(systems: Standing, now: datetime) -> list[Tile]:
    """Return whether the organisation's systems go on: of those alone of which that is known."""
    told, certified = systems.told, systems.certified
    ending = sum(each.ends_soon(now) for each in certified)
    found = []
    if told.streams:
        found.append(
            Tile(
                label=N_("Connected systems that are told nothing now"),
                count=told.untold,
                path=SYSTEMS,
                is_wrong=told.untold > 0,
                note=N_("of %(all)s"),
                values={"all": told.streams},
            )
        )
    if certified:
        found.append(
            Tile(
                label=N_("Systems whose certificate expires within 30 days"),
                count=ending,
                path=f"{SYSTEMS}#certificates",
                is_wrong=ending > 0,
                note=N_("of %(all)s of which it is known"),
                values={"all": len(certified)},
            )
        )
    return found


def figures(numbers: LogCounts) -> list[Figure]:
    """Return the charts."""
    labels = rules.spread_labels()
    spread = rules.spread(numbers.answers)
    hours, days = numbers.hours.starts, numbers.days.starts
    return [
        Figure(
            id="logins",
            title=N_("Logins by hour"),
            kinds=(N_("last 24 hours"), N_("a week before")),
            chart=lay_out(numbers.logins, [f"{hour:%H}" for hour in hours], numbers.logins_before),
            rows=list(zip(hours, numbers.logins, numbers.logins_before, strict=True)),
            starts=hours,
        ),
        Figure(
            id="answers",
            title=N_("Seconds until the phone was answered"),
            kinds=(N_("logins"),),
            chart=lay_out(spread, labels),
            rows=list(zip(labels, spread, strict=True)),
        ),
        Figure(
            id="denied",
            title=N_("Logins declined by day (UTC)"),
            kinds=(N_("declined"),),
            chart=lay_out(numbers.denied, [f"{day.day}" for day in days]),
            rows=list(zip(days, numbers.denied, strict=True)),
        ),
    ]


def answer_words(numbers: LogCounts) -> Mapping[str, int] | None:
    """Return in how many seconds half and nine tenths answered; nothing where nobody did."""
    half, most = (rules.percentile(numbers.answers, share) for share in (0.5, 0.9))
    if half is None or most is None:
        return None
    return {"half": half, "most": most, "count": len(numbers.answers)}


def _compared(
    label: str, kind: str, counts: Sequence[int], numbers: LogCounts, may: frozenset[Act]
) -> Tile:
    mean = rules.usual(counts)
    since = (numbers.at - rules.DAY).date().isoformat()
    return Tile(
        label=label,
        count=counts[-1],
        path=_LOG + Wanted(kind=kind, since=since).query() if Act.SEE_LOG in may else "",
        is_wrong=rules.is_unusual(counts[-1], mean),
        note=N_("usually about %(usual)s a day") if mean >= 1 else N_("usually none or one a day"),
        values={"usual": round(mean)},
    )
