"""RFC 8785 by an implementation of its own, for objects of strings."""


def canonical(details):
    """Order the names by UTF-16, and escape as short as can be."""
    short = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
    short |= {'"': '\\"', "\\": "\\\\"}

    def text(value):
        escaped = (short.get(c, c if c >= " " else f"\\u{ord(c):04x}") for c in value)
        return '"' + "".join(escaped) + '"'

    names = sorted(details, key=lambda name: name.encode("utf-16-be"))
    return "{" + ",".join(text(name) + ":" + text(details[name]) for name in names) + "}"
