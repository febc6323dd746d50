"""Templates that escape everything, and headers that allow next to nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from jinja2 import UndefinedError

import pairing_server.pages
from pairing_server.languages import Language
from pairing_server.pages.assets import shipped_assets
from pairing_server.pages.rendering import Renderer

TEMPLATES = sorted((Path(pairing_server.pages.__file__).parent / "templates").glob("*.html"))


@pytest.fixture(scope="module")
def renderer():
    return Renderer(shipped_assets())


@pytest.fixture
def environment(renderer):
    return renderer._environments[Language.NL]


def policy(renderer):
    context = {"progress": None, "switch": "/portal/", "visitor": None}
    response = renderer.page(Language.NL, "ended.html", context)
    return dict(
        each.split(" ", 1) for each in response.headers["Content-Security-Policy"].split("; ")
    )


def test_what_is_put_in_is_escaped_everywhere(environment):
    template = environment.from_string(
        '{{ x }}{{ x|said }}<a title="{{ x }}">{% trans name=x %}Hello {{ name }}{% endtrans %}'
    )

    assert "<b>" not in template.render(x="<b>'\"")
    assert "\"'" not in template.render(x="<b>\"'")


def test_a_value_that_is_missing_is_a_mistake(environment):
    with pytest.raises(UndefinedError):
        environment.from_string("{{ nobody_gave_this }}").render()


def test_no_template_lets_anything_through_unescaped():
    for file in TEMPLATES:
        text = file.read_text()
        for word in ("|safe", "| safe", "autoescape", "Markup", "style=", "javascript:"):
            assert word not in text, file.name


def test_a_day_is_written_in_the_pages_language(renderer):
    template = "{{ moment|day }}"
    moment = datetime(2029, 11, 21, 23, 30, tzinfo=UTC)
    written = {
        language.value: renderer._environments[language]
        .from_string(template)
        .render(moment=moment)
        for language in Language
    }

    assert written == {"en": "21 November 2029", "nl": "21 november 2029"}


def test_what_is_compiled_once_for_all_languages_holds_no_word_of_one(renderer):
    """Jinja applies filters to what stands in a template while it compiles, if it may."""
    first, *others = (renderer._environments[language] for language in Language)
    names = first.list_templates(extensions=["html"])
    sources = [first.loader.get_source(first, name)[0] for name in names]
    sources += [f"{{{{ 'Save'|{name} }}}}" for name in sorted(first.filters)]

    assert len(names) > 40
    for other in others:
        for source in sources:
            assert first.compile(source, raw=True) == other.compile(source, raw=True)


def test_a_template_is_compiled_once_for_all_languages(renderer):
    first, *others = renderer._environments.values()
    for name in first.list_templates(extensions=["html"]):
        code = first.get_template(name).root_render_func.__code__
        for other in others:
            assert other.get_template(name).root_render_func.__code__ is code


def test_forms_go_to_ourselves_and_to_the_listener_for_cards(renderer):
    assert policy(renderer)["form-action"] == "'self'"
    with_cards = Renderer(shipped_assets(), ("https://login.example.nl:8443",))
    assert policy(with_cards)["form-action"] == "'self' https://login.example.nl:8443"
    assert {name: each for name, each in policy(with_cards).items() if name != "form-action"} == {
        name: each for name, each in policy(renderer).items() if name != "form-action"
    }
