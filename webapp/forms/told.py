"""Sentences about refused keys, in the language of the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from db.messages.events import listed
from db.messages.file_problems import FileProblem
from tasks.sources.invalid_spec import InvalidSpec, Reason, sentence_params
from webapp.i18n.i18n import gettext


def told(refused: InvalidSpec) -> str:
    """Return the sentence of the first refused key in the language of the page."""
    return next(sentences(refused.reasons))


def sentences(reasons: Sequence[Reason]) -> Iterator[str]:
    """Yield one sentence for each problem in the language of the page; of a compose file with all keys that have it."""
    for problem in dict.fromkeys(one.problem for one in reasons):
        having = [one for one in reasons if one.problem is problem]
        for group in [having] if isinstance(problem, FileProblem) else [[one] for one in having]:
            yield gettext(problem.sentence, **{name: listed(one) for name, one in sentence_params(group).items()})
