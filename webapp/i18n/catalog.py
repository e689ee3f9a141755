"""Update of the catalogs from the texts of the source: `python -m webapp.i18n.catalog` updates all of them.

Texts come from calls of gettext in Python and templates, from N_(…), and from the sentences and labels of db.messages.
"""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from db.messages import events, labels
from db.messages.errors import ERRORS, HOOKS
from db.messages.key_problems import KeyProblem
from db.messages.refusals import RefusalCode
from db.messages.source_problems import SourceProblem
from webapp.i18n.i18n import LANGUAGES, SOURCE, po_path

ROOM = Path(__file__).parents[1]
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"extensions": "jinja2.ext.i18n", "trimmed": "true", "silent": "false"}}
KEYWORDS = {"gettext": None, "ngettext": (1, 2), "N_": None, "_": None}


def template() -> Catalog:
    """Return every text that a page can show, in the order of the files."""
    catalog = Catalog(project="Backstay", charset="utf-8", fuzzy=False)
    for file, line, message, comments, context in extract_from_dir(ROOM, METHODS, OPTIONS, keywords=KEYWORDS):
        catalog.add(message, locations=[(f"webapp/{file}", line)], auto_comments=comments, context=context)
    for code in RefusalCode:
        for text in (code.heading, code.sentence):
            catalog.add(text, locations=[("db/messages/refusals.py", 1)])
    for table, file in ((KeyProblem, "key_problems"), (SourceProblem, "source_problems")):
        for problem in table:
            catalog.add(problem.sentence, locations=[(f"db/messages/{file}.py", 1)])
    for text in (*ERRORS.values(), *HOOKS.values()):
        catalog.add(text, locations=[("db/messages/errors.py", 1)])
    for text in (*labels.ERRORS.values(), *labels.STAGE_PHRASES.values()):
        catalog.add(text, locations=[("db/messages/labels.py", 1)])
    for text in events.SENTENCES.values():
        catalog.add(text, locations=[("db/messages/events.py", 1)])
    return catalog


def stored(code: str) -> Catalog:
    """Return the catalog of a language as stored in the repository."""
    with po_path(code).open("rb") as file:
        return read_po(file, locale=code)


def update(code: str) -> Catalog:
    """Update the catalog of a language: new texts are added empty, unused ones removed. No fuzzy guesses."""
    path = po_path(code)
    catalog = stored(code) if path.exists() else Catalog(locale=code, project="Backstay", fuzzy=False)
    catalog.update(template(), no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    catalog.msgid_bugs_address = catalog.last_translator = catalog.language_team = catalog.project
    catalog.revision_date = catalog.creation_date
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=100, omit_header=False, include_lineno=False, sort_output=True)
    return catalog


if __name__ == "__main__":
    for other in LANGUAGES.keys() - {SOURCE}:
        update(other)
