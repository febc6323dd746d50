"""Rules against fatigue (RFC 10027, B4 and B9): whether a request may wake a person.

What is withheld is the push alone: the request is made, and whoever opens the app finds it.
What one workstation does delays no other one's push, with one exception: who declines three
requests of a client in a row is being pestered through it, and hears no more of that client.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

#: How long the next push of a workstation waits, after the first denial or unanswered push, and at
#: most (design section 6).
FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=1)
#: So many denials within that time are a burst, after which the client wakes the person no more
#: for as long as `CLOSED_FOR` after the last of them.
BURST = 3
BURST_WITHIN = timedelta(minutes=10)
CLOSED_FOR = timedelta(hours=1)
#: Workstations where the person never logged in wait together, once they have sent so many pushes
#: that nobody answered: else a client would only have to name another one each time.
STRANGERS = 3
#: What is remembered outlives every wait many times over.
REMEMBERED_FOR = timedelta(days=7)
#: So many workstations of a client are remembered; one more takes the place of the one whose wait
#: was over first.  Only pushes put one there, and strangers' pushes wait together.
MOST_PLACES = 32
#: As many requests without a workstation may be open at once (`inbox.MAX_OPEN`).
MOST_NOTICES = 3
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Gate(StrEnum):
    """From which workstations a client may wake a person, by its policy."""

    #: The client answers for its workstations.
    VOUCHED = "vouched"
    #: Where the person has logged in before.
    KNOWN = "known"
    #: From none: the person opens the app, or scans the QR code.
    NEVER = "never"


class Verdict(StrEnum):
    """Whether a push goes out, and why not."""

    PUSH = "push"
    #: A denial or an unanswered push was too short ago.
    WAITS = "waits"
    #: A burst of denials.
    BURST = "burst"
    #: The person said "not me" there.
    NOT_ME = "not_me"
    #: The client's policy asks for a workstation where the person has logged in before.
    UNKNOWN_WORKSTATION = "unknown_workstation"


@dataclass(frozen=True, slots=True)
class Wait:
    """How often in a row nobody said yes, and before when the next push is withheld."""

    times: int = 0
    not_before: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        """Whether a push may go out."""
        return self.not_before is None or now >= self.not_before


@dataclass(frozen=True, slots=True)
class Place:
    """A workstation of a client.

    Attributes:
        notices: Requests of which a notice may lie on the person's phones.
    """

    wait: Wait = Wait()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pressure:
    """What one client has put on one person.

    Attributes:
        places: By the client's own name for the workstation, empty where it gave none.
        strangers: The wait that workstations share where the person never logged in.
        denials: The requests that the person denied lately, and when.
        closed_until: Until then the client wakes them no more.
    """

    places: dict[str, Place] = field(default_factory=dict)
    strangers: Wait = Wait()
    denials: tuple[tuple[str, datetime], ...] = ()
    closed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Knock:
    """A request that would wake the person.

    Attributes:
        place: The client's name for the workstation, empty where it gave none.
        is_known: Whether the person has logged in there before.
        barred: Why no push goes out whatever the pressure is, if so.
    """

    id: str
    place: str
    is_known: bool
    barred: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of a request's push.

    Attributes:
        withdrawn: Requests that are over, whose notice no newer one takes the place of.
    """

    pressure: Pressure
    verdict: Verdict
    withdrawn: tuple[str, ...] = ()


def bar(gate: Gate, *, is_known: bool, is_closed: bool) -> Verdict | None:
    """Return why no push goes out from a workstation whatever the pressure is, if so.

    Args:
        is_closed: Whether the person said "not me" there.
    """
    if is_closed:
        return Verdict.NOT_ME
    if gate is Gate.VOUCHED or (gate is Gate.KNOWN and is_known):
        return None
    return Verdict.UNKNOWN_WORKSTATION


def judge(pressure: Pressure, knock: Knock, now: datetime) -> Judged:
    """Let a push out, or not.

    One that goes out counts as unanswered at once: whoever has it answered, undoes that.
    """
    before = pressure.places.get(knock.place, Place())
    verdict = _verdict(pressure, before, knock, now)
    if verdict is Verdict.PUSH:
        return Judged(_pushed(pressure, before, knock, now), verdict)
    if not knock.place or not before.notices:
        return Judged(pressure, verdict)
    # The newer request has ended those whose notices lie there, and has none of its own.
    return Judged(
        _with(pressure, knock.place, replace(before, notices=())), verdict, before.notices
    )


def denied(pressure: Pressure, identifier: str, place: str, now: datetime) -> Pressure:
    """Count a denial; the same one again changes nothing."""
    if any(identifier == known for known, _ in pressure.denials):
        return pressure
    before = pressure.places.get(place, Place())
    # One that was pushed has been counted when it was.
    times = max(before.wait.times + (identifier not in before.notices), 1)
    until = now + wait_after(times)
    wait = Wait(times, max(until, before.wait.not_before or until))
    notices = _without(before.notices, identifier)
    lately = tuple(each for each in pressure.denials if now - each[1] < BURST_WITHIN)
    denials = (*lately, (identifier, now))
    return replace(
        _with(pressure, place, Place(wait, notices)),
        denials=denials,
        closed_until=now + CLOSED_FOR if len(denials) >= BURST else pressure.closed_until,
    )


def approved(pressure: Pressure, identifier: str, place: str) -> Pressure:
    """Let nothing wait any more: at that workstation, among strangers, and after a burst."""
    before = pressure.places.get(place, Place())
    kept = _with(pressure, place, Place(notices=_without(before.notices, identifier)))
    return replace(kept, strangers=Wait(), denials=(), closed_until=None)


def opened(pressure: Pressure, place: str) -> Pressure:
    """Let a workstation wake the person again, who wants it to."""
    before = pressure.places.get(place, Place())
    return _with(pressure, place, replace(before, wait=Wait()))


def ended(pressure: Pressure, identifier: str, place: str) -> Pressure:
    """Take note that a request is over without an answer; its push stays an unanswered one."""
    before = pressure.places.get(place, Place())
    return _with(pressure, place, replace(before, notices=_without(before.notices, identifier)))


def has_notice(pressure: Pressure, identifier: str, place: str) -> bool:
    """Whether a notice of a request may lie on the person's phones."""
    return identifier in pressure.places.get(place, Place()).notices


def wait_after(times: int, free: int = 0) -> timedelta:
    """Return how long the next push waits after so many that brought no yes.

    Args:
        free: So many more come before anything waits.
    """
    if times <= free:
        return timedelta(0)
    # Two to the ninth times ten seconds is over an hour already.
    doublings: int = min(times - free - 1, 9)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def _verdict(pressure: Pressure, place: Place, knock: Knock, now: datetime) -> Verdict:
    if knock.barred is not None:
        return knock.barred
    if pressure.closed_until is not None and now < pressure.closed_until:
        return Verdict.BURST
    is_over = place.wait.is_over(now) and (knock.is_known or pressure.strangers.is_over(now))
    return Verdict.PUSH if is_over else Verdict.WAITS


def _pushed(pressure: Pressure, before: Place, knock: Knock, now: datetime) -> Pressure:
    times = before.wait.times + 1
    wait = Wait(times, now + wait_after(times))
    # Of one workstation a newer notice takes the place of an older one.
    older = () if knock.place else before.notices
    kept = _with(pressure, knock.place, Place(wait, (*older, knock.id)[-MOST_NOTICES:]))
    if knock.is_known:
        return kept
    met = pressure.strangers.times + 1
    return replace(kept, strangers=Wait(met, now + wait_after(met, STRANGERS - 1)))


def _with(pressure: Pressure, name: str, place: Place) -> Pressure:
    places = {**pressure.places, name: place}
    if place == Place():
        del places[name]
    if len(places) > MOST_PLACES:
        others = (each for each in places.items() if each[0] != name)
        oldest = min(others, key=lambda each: each[1].wait.not_before or _LONG_AGO)
        del places[oldest[0]]
    return replace(pressure, places=places)


def _without(notices: tuple[str, ...], identifier: str) -> tuple[str, ...]:
    return tuple(each for each in notices if each != identifier)
