"""How a name that somebody typed is compared with the name on a card."""

import re
import unicodedata

#: What is typed for a hyphen, and for an apostrophe.
_HYPHEN = re.compile(r"\s*[-\u2010\u2011\u2012\u2013\u2212]\s*")
_APOSTROPHE = re.compile(r"[\u2018\u2019\u02bc`\u00b4]")


def name_key(first_names: str, last_name: str) -> str:
    """Return what two spellings of the same name have in common.

    Case (Unicode caseless matching, D145), composition (NFC), white space, the space around a
    hyphen, and the kinds of hyphen and apostrophe do not count.  Everything else does: accents,
    initials, the order, a hyphen where the other has a space.  To guess more would hand the record
    of one person to another.
    """
    return f"{_key(first_names)}\n{_key(last_name)}"


def last_name_key(last_name: str) -> str:
    """Return what two spellings of the same last name have in common, as `name_key` has it."""
    return _key(last_name)


def search_key(text: str) -> str:
    """Return by what a name is found and listed: its key, without accents.

    To guess here shows one name too many, and hands nothing to anybody.
    """
    apart = unicodedata.normalize("NFD", _key(text))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _key(text: str) -> str:
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())
    plain = _HYPHEN.sub("-", _APOSTROPHE.sub("'", unicodedata.normalize("NFC", folded)))
    return " ".join(plain.split())
