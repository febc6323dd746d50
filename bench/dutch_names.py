"""Names as people in the Netherlands have them: some common ones, and a long tail of rare ones."""

from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from random import Random

FIRST = (
    *("Maria", "Johanna", "Anna", "Sanne", "Lotte", "Emma", "Julia", "Sophie", "Eva", "Lisa"),
    *("Saskia", "Ingrid", "Marieke", "Femke", "Anouk", "Fatima", "Samira", "Ayşe", "Chantal"),
    *("Wilhelmina", "Cornelia", "Hendrika", "Elisabeth", "Annemarie", "Karin", "Monique", "Petra"),
    *("Jan", "Johannes", "Pieter", "Hendrik", "Willem", "Cornelis", "Daan", "Sem", "Lucas", "Tim"),
    *("Mohamed", "Youssef", "Ali", "Mehmet", "Ruud", "Kees", "Sjoerd", "Jelle", "Bart", "Joost"),
    *("Geert", "Maarten", "Thijs", "Stijn", "Ronald", "Dennis", "Jeroen", "Marco", "René", "Zoë"),
)
#: In the order in which they are common.
LAST = (
    *("de Jong", "Jansen", "de Vries", "van den Berg", "van Dijk", "Bakker", "Janssen", "Visser"),
    *("Smit", "Meijer", "de Boer", "Mulder", "de Groot", "Bos", "Vos", "Peters", "Hendriks"),
    *("van Leeuwen", "Dekker", "Brouwer", "de Wit", "Dijkstra", "Smits", "de Graaf"),
    *("van der Meer", "van der Linden", "Kok", "Jacobs", "de Haan", "Vermeulen"),
    *("van den Heuvel", "van der Veen", "van den Broek", "de Bruijn", "de Bruin"),
    *("van der Heijden", "Schouten", "van Beek", "Willems", "van Vliet", "van de Ven", "Hoekstra"),
    *("Maas", "Verhoeven", "Koster", "van Dam", "van der Wal", "Prins", "Blom", "Huisman"),
    *("Peeters", "Kuipers", "van Veen", "van Dongen", "Veenstra", "Kramer", "van den Bosch"),
    *("van der Meulen", "Mol", "Zwart", "van der Laan", "Martens", "van de Pol", "Postma"),
    *("Tromp", "Borst", "Boon", "van Doorn", "Jonker", "van der Velden", "Willemsen", "van Wijk"),
    *("Groen", "Gerritsen", "van Loon", "van der Ploeg", "Driessen", "de Lange", "Vink", "Yilmaz"),
    *("El Amrani", "van 't Hof", "ter Horst", "ten Brink", "in 't Veld", "Wang", "Öztürk"),
)
_PREFIXES = ("", "", "van ", "van der ", "van de ", "de ", "ter ", "van 't ")
_BEGINNINGS = (
    *("Oost", "West", "Noord", "Zuid", "Hoog", "Laag", "Nieuw", "Oude", "Rood", "Wit", "Zand"),
    *("Berg", "Bosch", "Veld", "Water", "Molen", "Kerk", "Brug", "Linde", "Eik", "Wilge", "Hazel"),
)
_ENDINGS = (
    *("hoven", "kamp", "huis", "dijk", "stra", "ma", "inga", "wijk", "veld", "berg", "meer"),
    *("donk", "rode", "beek", "laar", "horst", "brink", "zand", "man", "sen", "broek", "eind"),
)
#: Of all people so many have a rare name, and so many that of a partner before their own.
_RARE, _DOUBLE = 0.45, 0.12
_WEIGHTS = list(accumulate(1 / (place + 4) for place in range(len(LAST))))


def drawn(chance: Random) -> tuple[str, str]:
    """Return first names and a last name."""
    first = _one(chance, FIRST)
    if chance.random() < 1 / 3:
        first = f"{first} {_one(chance, FIRST)}"
    last = _last(chance)
    return first, f"{last}-{_last(chance)}" if chance.random() < _DOUBLE else last


def _last(chance: Random) -> str:
    if chance.random() < _RARE:
        return "".join(_one(chance, part) for part in (_PREFIXES, _BEGINNINGS, _ENDINGS))
    return LAST[bisect(_WEIGHTS, chance.random() * _WEIGHTS[-1])]


def _one(chance: Random, of: Sequence[str]) -> str:
    return of[int(chance.random() * len(of))]
