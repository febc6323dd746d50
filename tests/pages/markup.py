"""Pages as a strict reader sees them: what HTML forgives is a mistake here."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"br", "input", "img", "link", "meta", "rect", "path"}
ADDRESSES = ("src", "href", "action", "formaction")
#: Attributes that name elements by their id.
REFERENCES = ("for", "aria-describedby", "aria-labelledby")


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    parent: "Element | None"
    text: str = ""

    def __getitem__(self, attribute: str) -> str:
        return self.attributes[attribute]

    @property
    def is_hidden(self) -> bool:
        return "hidden" in self.attributes or (self.parent is not None and self.parent.is_hidden)


@dataclass
class Form:
    """A form that can be sent."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Markup(HTMLParser):
    """A page, and every mistake in it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.source = text
        self.elements: list[Element] = []
        self.mistakes: list[str] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()
        self.mistakes += [f"<{each.name}> is never closed" for each in self._open]
        self._check()

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        if len(set(names)) < len(names):
            self.mistakes.append(f"<{tag}> has an attribute twice")
        parent = self._open[-1] if self._open else None
        element = Element(tag, {name: value or "" for name, value in attrs}, parent)
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.mistakes.append(f"<{tag}/> closes nothing in HTML")

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self._open or self._open[-1].name != tag:
            self.mistakes.append(f"</{tag}> closes {self._open[-1:]}")
        else:
            self._open.pop()

    def handle_data(self, data):
        for element in self._open:
            element.text += data

    def handle_comment(self, data):
        self.mistakes.append(f"a comment: {data}")

    def all(self, name: str, **attributes: str) -> list[Element]:
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        return [
            each
            for each in self.elements
            if each.name == name and wanted.items() <= each.attributes.items()
        ]

    def one(self, name: str, **attributes: str) -> Element:
        (found,) = self.all(name, **attributes)
        return found

    @property
    def title(self) -> str:
        (found,) = [each for each in self.all("title") if _is_of_page(each)]
        return found.text

    @property
    def heading(self) -> str:
        return " ".join(self.one("h1").text.split())

    @property
    def text(self) -> str:
        """What is read of the page, without what is hidden by attribute."""
        return " ".join(self.one("main").text.split())

    def forms(self, action: str | None = None) -> list[Form]:
        """Return the forms that are sent to an address, or all of them."""
        wanted = {} if action is None else {"action": action}
        found = []
        for form in self.all("form", **wanted):
            inside = [each for each in self.elements if self._is_in(each, form)]
            fields = {
                each["name"]: each.attributes.get("value", "")
                for each in inside
                if each.name == "input"
            }
            found.append(Form(form["action"], fields))
        return found

    def _is_in(self, element: Element | None, outer: Element) -> bool:
        while element is not None and element is not outer:
            element = element.parent
        return element is outer

    def _check(self) -> None:
        ids = [each["id"] for each in self.elements if "id" in each.attributes]
        self.mistakes += [f"two ids {each}" for each in ids if ids.count(each) > 1]
        for each in self.elements:
            self._check_element(each, set(ids))
        for name, count in (("h1", 1), ("main", 1), ("title", 1), ("html", 1)):
            found = [each for each in self.all(name) if name != "title" or _is_of_page(each)]
            if len(found) != count:
                self.mistakes.append(f"{len(found)} <{name}>")
        if not self.one("html").attributes.get("lang"):
            self.mistakes.append("no language")

    def _check_element(self, each: Element, ids: set[str]) -> None:
        for name, value in each.attributes.items():
            if name.startswith("on") or name == "style":
                self.mistakes.append(f"<{each.name} {name}> is in line")
            if name in REFERENCES and not set(value.split()) <= ids:
                self.mistakes.append(f"<{each.name} {name}={value}> names nothing")
            if name in ADDRESSES and not value.startswith(("/", "#", "zorgid://session?")):
                self.mistakes.append(f"<{each.name} {name}={value}> leads elsewhere")
        wrong = {
            "script": each.text.strip() or each.attributes.get("type") != "module",
            "img": "alt" not in each.attributes,
            # What a form sends is in no URL, but filters that hold nothing personal.
            "form": each.attributes.get("method") != "post"
            and each.attributes.get("role") != "search",
            "input": each.attributes.get("type") != "hidden"
            and not self.all("label", for_=each.attributes.get("id", "")),
            **dict.fromkeys(("style", "iframe", "object", "embed", "base"), True),
        }
        if wrong.get(each.name):
            self.mistakes.append(f"<{each.name}> {each.attributes}")


def _is_of_page(title: Element) -> bool:
    """Whether it is not that of a picture."""
    return title.parent is not None and title.parent.name == "head"
