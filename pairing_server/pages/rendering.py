"""How a page is made: templates that escape everything, and headers that allow next to nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from aiohttp import web
from babel.dates import format_date, format_datetime
from jinja2 import (
    BytecodeCache,
    ChoiceLoader,
    Environment,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
    pass_context,
)
from jinja2.bccache import Bucket
from jinja2.runtime import Context

from pairing_server.clock import wire_time
from pairing_server.languages import Language, translate, translations
from pairing_server.pages.assets import ADMIN, PAGES, Assets

#: Nothing but our own files, and nothing in line: what slips past the escaping does nothing.
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
#: How dates are written: the English is Europe's.
_LOCALES = {Language.EN: "en_GB", Language.NL: "nl_NL"}
_PERMISSIONS = "camera=(), geolocation=(), microphone=(), publickey-credentials-get=()"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a page is allowed that others are not.

    Attributes:
        form_origins: Where its forms may lead in the end, by a redirect: browsers compare that.
        style: The one style sheet that stands in the page itself, so that it is painted at once.
    """

    form_origins: tuple[str, ...] = ()
    style: str = ""


class CompiledOnce(BytecodeCache):
    """What templates were compiled to, for one environment after the other.

    So no word of a language may stand in it: what depends on the language is a filter that
    takes the context, which Jinja does not apply while it compiles.
    """

    def __init__(self) -> None:
        self._compiled: dict[str, Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Put in what was compiled before."""
        bucket.code = self._compiled.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what has been compiled."""
        self._compiled[bucket.key] = bucket.code


_COMPILED = CompiledOnce()


class Renderer:
    """All templates in all languages, compiled when the first server of the process starts."""

    def __init__(self, assets: Assets, form_origins: tuple[str, ...] = ()) -> None:
        """Compile the templates.

        Args:
            form_origins: Where our forms may go besides here: the listener that asks for a card.
        """
        self._assets = assets
        self._form_origins = form_origins
        self._headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": _policy(form_origins),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": _PERMISSIONS,
            # `no-referrer` makes browsers send `Origin: null` with our forms, which is refused
            # (Fetch section 3.2, "append a request Origin header"); so does `same-origin` with
            # the form that goes to the listener for cards, which has a port of its own.
            "Referrer-Policy": "strict-origin",
            "Vary": "Accept-Language, Cookie",
        }
        self._environments = {language: _environment(language, assets) for language in Language}

    def page(
        self,
        language: Language,
        template: str,
        context: Mapping[str, Any],
        status: int = 200,
        terms: Terms | None = None,
    ) -> web.Response:
        """Render a page.

        Args:
            terms: What this page is allowed beside what all are, or in its place.
        """
        text = self._environments[language].get_template(template).render(context)
        headers = {**self._headers, "Content-Language": language}
        if terms is not None:
            origins = (*self._form_origins, *terms.form_origins)
            style = terms.style and self._assets.hash_of(terms.style)
            headers["Content-Security-Policy"] = _policy(origins, style)
        return web.Response(
            text=text, status=status, content_type="text/html", charset="utf-8", headers=headers
        )


def _policy(form_origins: tuple[str, ...], style_hash: str = "") -> str:
    policy = dict(_POLICY)
    policy["form-action"] = " ".join((policy["form-action"], *form_origins))
    if style_hash:
        policy["style-src"] = style_hash
    return "; ".join(f"{name} {value}" for name, value in policy.items())


def grouped(code: str) -> str:
    """Return a code in two halves, as people read it."""
    middle = -(-len(code) // 2)
    return f"{code[:middle]} {code[middle:]}".strip()


@lru_cache(maxsize=len(Language))
def _environment(language: Language, assets: Assets) -> Environment:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(PAGES), PrefixLoader({ADMIN: PackageLoader(ADMIN)})]),
        # Whatever a file is called: what a card says goes into all of them.
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=_COMPILED,
        cache_size=-1,
    )
    words = translations(language)
    # Values that are put into a message are escaped as they are everywhere else.
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        words.gettext, words.ngettext, newstyle=True
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.globals.update(
        asset=assets.path,
        inline=assets.text,
        language=language.value,
        languages=[*map(str, Language)],
    )

    @pass_context
    def day(_: Context, moment: datetime) -> str:
        return format_date(moment, format="long", locale=_LOCALES[language])

    @pass_context
    def moment(_: Context, at: datetime) -> str:
        # Where the reader is only their browser knows; its script says it in their own time.
        return format_datetime(at, "d MMMM y HH:mm 'UTC'", locale=_LOCALES[language])

    @pass_context
    def said(_: Context, message: str) -> str:
        # A text, where `_` makes markup: for what was not written in a template.
        return translate(language, message)

    environment.filters.update(
        day=day, moment=moment, said=said, stamp=wire_time, grouped=grouped, spaced=" ".join
    )
    for name in environment.list_templates(extensions=["html"]):
        environment.get_template(name)
    return environment
