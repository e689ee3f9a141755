"""The catalogs of translations: whole, without guesses, with the same placeholders."""

from __future__ import annotations

import re

import pytest
from babel.messages.catalog import Message

from db.messages.sentences import SENTENCES
from db.states import ErrorCode, Stage, Status
from webapp.i18n import catalog, words
from webapp.i18n.i18n import LANGUAGES, SOURCE

OTHERS = sorted(LANGUAGES.keys() - {SOURCE})
_PLACEHOLDER = re.compile(r"%\(\w+\)s|%%|`[^`]+`")


def forms(value: str | tuple[str, ...] | list[str]) -> list[str]:
    """One text or all plural forms."""
    return [value] if isinstance(value, str) else list(value)


def messages(code: str) -> dict[str, Message]:
    """The messages of a catalog by their (first) English text."""
    return {forms(message.id)[0]: message for message in catalog.stored(code) if message.id}


@pytest.mark.parametrize("code", OTHERS)
def test_a_catalog_has_every_text_of_the_source_and_no_other(code: str) -> None:
    wanted = {forms(message.id)[0] for message in catalog.template() if message.id}
    assert messages(code).keys() == wanted, "run `python -m webapp.i18n.catalog` and translate what is new"


@pytest.mark.parametrize("code", OTHERS)
def test_a_catalog_has_nothing_empty_and_nothing_guessed(code: str) -> None:
    for text, message in messages(code).items():
        assert not message.fuzzy, text
        assert all(forms(message.string)), text


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_has_the_placeholders_of_its_text(code: str) -> None:
    for text, message in messages(code).items():
        wanted = sorted(_PLACEHOLDER.findall(text))
        for form in forms(message.string):
            assert sorted(_PLACEHOLDER.findall(form)) == wanted, text


@pytest.mark.parametrize("code", OTHERS)
def test_russian_has_three_plural_forms(code: str) -> None:
    plurals = [message for message in messages(code).values() if not isinstance(message.id, str)]
    assert plurals
    assert all(len(message.string) == 3 for message in plurals)


# A thing has one name: what it was called otherwise -> what it is called.
ONE_NAME = {
    r"развёртывани": "деплой",
    r"\bпредел\w*": "лимит",
    r"^пусто\b": "если пусто",
    r"\bисправн(ой|ая|ую)\b": "версия проходит проверку готовности",
    r"журнал\w* учёта": "база Backstay",
    r"придержан": "заблокирована для автодеплоя",
    r"\bсвер(ен|к)": "проверена, проверка",
    r"\bвыкладк": "запуск",
    r"\bдоступы\b": "учётные данные",
    r"\bотобрать\b": "показать",
    r"не вышла": "деплой не состоялся",
    r"развернёт человек": "развернут вручную",
    r"(?<!\.)\bcompose\b(?!\.)": "Compose",
}


@pytest.mark.parametrize(("other", "name"), ONE_NAME.items())
def test_russian_calls_a_thing_by_one_name(other: str, name: str) -> None:
    told = [form for message in messages("ru").values() for form in forms(message.string)]
    flags = 0 if "compose" in other else re.IGNORECASE
    assert [text for text in told if re.search(other, text, flags)] == [], f"say: {name}"


def test_every_sentence_and_word_is_a_text_of_the_catalog() -> None:
    known = {forms(message.id)[0] for message in catalog.template() if message.id}
    tables = [table.values() for table in (*words._TABLES.values(), words.CHART)]
    assert {*SENTENCES.values(), *(text for table in tables for text in table)} <= known


def test_every_status_stage_and_error_has_its_words() -> None:
    for codes, table in (
        (Status, words.STATUSES),
        (Stage, words.STAGES),
        (Stage, words.STAGE_PHRASES),
        (ErrorCode, words.ERRORS),
    ):
        assert table.keys() == set(codes)
