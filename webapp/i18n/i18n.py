"""The language of a page, from ?lang=, then the cookie, then Accept-Language; and texts, numbers and times in it.

English is the language of the source; the others are gettext catalogs, compiled in memory when the process starts, so
that no compiled file can be out of date. JSON is never translated.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, g, has_request_context, request

SOURCE = "en"
LANGUAGES = {"en": "English", "ru": "Русский"}
# English with the day before the month and 24 hours: unambiguous for every reader.
LOCALES = {"en": "en-GB", "ru": "ru"}
COOKIE = "lang"
FOLDER = Path(__file__).parents[1] / "translations"
MIB = 1024 * 1024


def language() -> str:
    """Return the language of this request's page."""
    if not has_request_context():
        return SOURCE
    if "language" not in g:
        g.language = _choose()
    chosen: str = g.language
    return chosen


def gettext(text: str, **values: Any) -> str:
    """Translate `text` into the language of the page, with %(name)s filled in."""
    translated = translations(language()).ugettext(text) if text else ""
    return translated % values if values else translated


def ngettext(one: str, many: str, n: int, **values: Any) -> str:
    """Return the plural form for `n`, with %(n)s and others filled in."""
    return translations(language()).ungettext(one, many, n) % {"n": number(n), **values}


@cache
def translations(code: str) -> NullTranslations:
    """Return the catalog of a language."""
    if code == SOURCE:
        return NullTranslations()
    compiled = BytesIO()
    with po_path(code).open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return Translations(compiled)


def po_path(code: str) -> Path:
    """Return the path of a language's catalog."""
    return FOLDER / code / "LC_MESSAGES" / "messages.po"


def number(value: float, digits: int = 0) -> str:
    """Format a number: 1,234.5 or 1 234,5"""
    pattern = "#,##0" + ("." + "#" * digits if digits else "")
    return numbers.format_decimal(value, format=pattern, locale=_locale())


def percent(value: float | None) -> str:
    """Format CPU: 100 % is one core."""
    return "—" if value is None else gettext("%(value)s%%", value=number(value, 1 if value < 100 else 0))


def mebibytes(value: float | None) -> str:
    """Format bytes as MiB."""
    return "—" if value is None else gettext("%(value)s MiB", value=number(value / MIB, 1 if value < 100 * MIB else 0))


def gibibytes(value: float | None) -> str:
    """Format bytes as GiB, or as MiB below one."""
    if value is None or value < 1024 * MIB:
        return mebibytes(value)
    return gettext("%(value)s GiB", value=number(value / MIB / 1024, 1))


def duration(ms: float | None) -> str:
    """Format a duration: 840 ms, 4.2 s, 2 min 5 s"""
    if ms is None:
        return "—"
    if ms < 1000:
        return gettext("%(n)s ms", n=number(ms))
    if ms < 60_000:
        return gettext("%(n)s s", n=number(ms / 1000, 1))
    minutes, seconds = divmod(round(ms / 1000), 60)
    return gettext("%(minutes)s min %(seconds)s s", minutes=number(minutes), seconds=seconds)


def moment(iso: str) -> str:
    """Format a time of the API: Nov 23, 2026, 8:15:00 PM UTC."""
    return f"{dates.format_datetime(_parse(iso), 'medium', locale=_locale())} UTC"


def short_moment(iso: str) -> str:
    """Format the day and the minute: 23 Nov 2026, 20:15 UTC."""
    at = _parse(iso)
    day, time = (
        dates.format_date(at, "medium", locale=_locale()),
        dates.format_time(at, "short", locale=_locale()),
    )
    return f"{day}, {time} UTC"


def ago(iso: str) -> str:
    """Format an age: 5 minutes ago"""
    passed = _parse(iso) - datetime.now(UTC)
    if abs(passed.total_seconds()) < 10:
        return gettext("just now")
    return dates.format_timedelta(passed, add_direction=True, threshold=1.0, locale=_locale())


def install(app: Flask) -> None:
    """Register the translations and the formats with the templates."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: translations(language()).ugettext(text),
        lambda one, many, n: translations(language()).ungettext(one, many, n),
        newstyle=True,
    )
    for filter_ in (number, percent, mebibytes, gibibytes, duration, moment, short_moment, ago):
        app.jinja_env.filters[filter_.__name__] = filter_


def _choose() -> str:
    for asked in (request.args.get("lang"), request.cookies.get(COOKIE)):
        if asked in LANGUAGES:
            return str(asked)
    return request.accept_languages.best_match(list(LANGUAGES)) or SOURCE


def _locale() -> Locale:
    return Locale.parse(LOCALES[language()], sep="-")


def _parse(iso: str) -> datetime:
    return datetime.fromisoformat(iso.replace("Z", "+00:00"))
