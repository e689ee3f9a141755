"""How the files of a static site are served: what missing paths get, and for how long browsers may keep a file. Pure.

Absent keys leave everything to the server image. With one of them, Backstay writes the server's configuration, in which
browsers ask before they use a file again, unless a rule of `cache` says otherwise.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from db.messages.key_problems import KeyProblem
from db.messages.source_problems import SourceProblem
from db.releases import Serving
from tasks.sources.base import Flag, Part, spoken, whole
from tasks.sources.invalid_spec import wrong

YEAR_S = 366 * 24 * 3600
# The characters that mean nothing to any server's configuration.
_NAME = r"[A-Za-z0-9_~@+-][A-Za-z0-9._~@+-]*"
SiteFile = Annotated[str, Field(max_length=200), *spoken(rf"^{_NAME}(?:/{_NAME})*$", SourceProblem.NOT_A_SITE_FILE)]
SitePath = Annotated[str, Field(max_length=200), *spoken(r"^/[A-Za-z0-9._~@+*/-]*$", SourceProblem.NOT_A_SITE_PATH)]
Seconds = Annotated[int, Field(strict=True, ge=0, le=YEAR_S), BeforeValidator(whole)]


class CacheRule(Part):
    """How long browsers may use files without asking again. `path` is matched from its beginning to its end; * matches
    any characters. `immutable`: a file of that name never changes, and a missing one is missing whatever `fallback`
    says."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {
                "required": ["immutable"],
                "properties": {"immutable": {"const": True}, "max_age_s": {"const": 0}},
            }
        }
    )

    path: SitePath
    max_age_s: Seconds
    immutable: Flag = None

    @model_validator(mode="after")
    def _something_to_keep(self) -> CacheRule:
        if self.immutable and not self.max_age_s:
            raise wrong(SourceProblem.IMMUTABLE_NEEDS_AGE, "source.cache")
        return self


def _each_path_once(rules: list[CacheRule] | None) -> list[CacheRule] | None:
    if rules is not None and len({rule.path for rule in rules}) < len(rules):
        raise wrong(KeyProblem.TWICE)
    return rules


CacheRules = Annotated[list[CacheRule] | None, Field(min_length=1, max_length=20), AfterValidator(_each_path_once)]


def serving_of(source: dict[str, Any]) -> Serving:
    """Return the part of a stored source that decides how its files are served, without what is absent."""
    found: Serving = {}
    if fallback := source.get("fallback"):
        found["fallback"] = fallback
    if not_found := source.get("not_found"):
        found["not_found"] = not_found
    if cache := source.get("cache"):
        found["cache"] = cache
    return found


def path_pattern(path: str) -> str:
    """Return the regular expression of a rule's path, as PCRE and RE2 read it."""
    exact = re.sub(r"[.+]", r"[\g<0>]", path)
    return f"^{exact.replace('*', '.*')}$"
