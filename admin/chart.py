"""Rules by which a chart is laid out: bars, what they are compared with, and where words stand.

All lengths are units of the picture's own, of which a small phone shows about one a pixel.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 300.0, 160.0
#: Room for the numbers of the axis, above the highest bar, and for what the bars are called.
LEFT, TOP, BOTTOM = 30.0, 18.0, 20.0
RIGHT = 4.0
#: Of the room that a bar has.
BAR_SHARE = 0.72
#: How much room a character takes, and words need between them.
CHARACTER, APART = 7.0, 4.0
MOST_TICKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar.

    Attributes:
        middle: Where on the axis it stands.
        is_told: Whether its value stands above it: those that would run together do not.
        label: What stands below it, if there is room.
    """

    x: float
    y: float
    width: float
    height: float
    middle: float
    value: int
    is_told: bool
    label: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across, and the number at its left."""

    y: float
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart, laid out.

    Attributes:
        before: What the bars are compared with: a point above each, or none at all.
    """

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    before: tuple[tuple[float, float], ...] = ()

    @property
    def base(self) -> float:
        """Where the bars stand."""
        return HEIGHT - BOTTOM

    @property
    def size(self) -> str:
        """The picture's `viewBox`."""
        return f"0 0 {WIDTH:g} {HEIGHT:g}"

    @property
    def marks(self) -> str:
        """The path of what is compared with: a stroke across the room of each bar."""
        half = self.bars[0].width / BAR_SHARE / 2 if self.bars else 0
        return "".join(f"M{x - half:.1f} {y:g}H{x + half:.1f}" for x, y in self.before)


def lay_out(values: Sequence[int], labels: Sequence[str], before: Sequence[int] = ()) -> Chart:
    """Lay out a bar for each value.

    Args:
        labels: One for each; an empty one is none.
        before: As many values to compare with, or none.
    """
    top, step = scale(max((*values, *before), default=0))
    per_unit = (HEIGHT - TOP - BOTTOM) / top
    base, slot = HEIGHT - BOTTOM, (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    middles = [round(LEFT + slot * (number + 0.5), 1) for number in range(len(values))]
    told = set(_told(values, slot))
    named = set(_named(labels, slot))
    width = round(slot * BAR_SHARE, 1)
    bars = tuple(
        Bar(
            x=round(middle - width / 2, 1),
            y=round(base - value * per_unit, 1),
            width=width,
            height=round(value * per_unit, 1),
            middle=middle,
            value=value,
            is_told=number in told,
            label=label if number in named else "",
        )
        for number, (value, label, middle) in enumerate(zip(values, labels, middles, strict=True))
    )
    ticks = tuple(
        Tick(round(base - value * per_unit, 1), value) for value in range(0, top + 1, step)
    )
    points = [round(base - value * per_unit, 1) for value in before]
    return Chart(bars=bars, ticks=ticks, before=tuple(zip(middles, points, strict=bool(points))))


def scale(most: int) -> tuple[int, int]:
    """Return the top of an axis that holds a value, and the step between its ticks.

    Steps are 1, 2 or 5, with zeros behind, and few enough to be read.
    """
    step = next(each for each in _steps() if each * (MOST_TICKS - 1) >= most)
    return max(-(-most // step), 1) * step, step


def _steps() -> Iterator[int]:
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def _told(values: Sequence[int], slot: float) -> Iterator[int]:
    """All that are not zero, where they fit beside each other; else the highest one."""
    longest = max((len(str(value)) for value in values), default=0)
    if longest * CHARACTER + APART <= slot:
        yield from (number for number, value in enumerate(values) if value)
    elif any(values):
        yield max(range(len(values)), key=lambda number: values[number])


def _named(labels: Sequence[str], slot: float) -> Iterator[int]:
    """As many as fit beside each other, evenly, and always the first."""
    longest = max((len(label) for label in labels), default=0)
    every = max(-(-int(longest * CHARACTER + APART) // max(int(slot), 1)), 1)
    yield from range(0, len(labels), every)
