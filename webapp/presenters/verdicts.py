"""The impact of a deploy as text for its row: a short summary, and a line for each number behind the verdict.

The verdict and the numbers are those of the ledger (tasks.impact.verdict); nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tasks.impact.verdict import Reason, Verdict
from webapp.i18n.i18n import gettext, mebibytes, ngettext, number, percent
from webapp.i18n.marking import N_

VERDICTS: dict[str, str] = {
    Verdict.BETTER: N_("better"),
    Verdict.SAME: N_("no change"),
    Verdict.WORSE: N_("worse"),
    Verdict.LEAKING: N_("leaking"),
    Verdict.NOT_ENOUGH_DATA: N_("too little data"),
}
NOTHING_TO_SAY: dict[str, str] = {
    Reason.NO_VERSION_BEFORE: N_("No earlier version to compare with."),
    Reason.TOO_FEW_SAMPLES: N_("Too few samples before or after the deploy to compare."),
}
HOUR_S, DAY_S = 3600, 86_400


def verdict(impact: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return {"code", "word", "brief", "lines"} of a row's impact, in the language of the page; None for nothing."""
    if impact is None:
        return None
    code = impact["verdict"]
    return {
        "code": code,
        "word": gettext(VERDICTS.get(code, code)),
        "brief": _brief(impact),
        "lines": list(_lines(impact)),
    }


def _brief(impact: dict[str, Any]) -> str:
    """Return the one number that says most; "" when there is none."""
    reasons, before, after, leak = impact["reasons"], impact["before"], impact["after"], impact.get("leak")
    if Reason.LEAK in reasons and leak:
        return gettext("+%(size)s per hour", size=mebibytes(leak["slope_bytes_per_hour"]))
    if not before or not after:
        return ""
    for key, name, up, down in (
        ("memory_median", N_("memory %(change)s"), Reason.MEMORY_UP, Reason.MEMORY_DOWN),
        ("cpu_median", N_("CPU %(change)s"), Reason.CPU_UP, Reason.CPU_DOWN),
    ):
        if {up, down} & set(reasons) and before[key] and after[key] is not None:
            return gettext(name, change=_change(before[key], after[key]))
    if {Reason.CRASHES_UP, Reason.OOM_KILLS_UP} & set(reasons):
        ended = after["crashes"] + after["oom_kills"]
        return ngettext("%(num)s crash", "%(num)s crashes", ended, num=number(ended))
    return ""


def _lines(impact: dict[str, Any]) -> Iterator[str]:
    before, after, leak = impact["before"], impact["after"], impact.get("leak")
    yield from (gettext(NOTHING_TO_SAY[one]) for one in impact["reasons"] if one in NOTHING_TO_SAY)
    if before and after:
        yield gettext(
            "Compared with v%(version)s, by the median of %(before)s samples before and %(after)s after the deploy:",
            version=before["version"],
            before=number(before["samples"]),
            after=number(after["samples"]),
        )
    if after:
        yield _pair(N_("CPU: %(values)s"), percent, before, after, "cpu_median")
        yield _pair(N_("Memory: %(values)s"), mebibytes, before, after, "memory_median")
        for key, text in (
            ("crashes", N_("Crashes: %(values)s")),
            ("oom_kills", N_("Out-of-memory kills: %(values)s")),
            ("restarts", N_("Restarts: %(values)s")),
        ):
            if after[key] or (before and before[key]):
                yield _pair(text, number, before, after, key)
    if leak and leak["leaking"]:
        yield from _leak(leak)


def _leak(leak: dict[str, Any]) -> Iterator[str]:
    size = mebibytes(leak["slope_bytes_per_hour"])
    if leak.get("service"):
        yield gettext("Memory of %(service)s grows by %(size)s per hour.", service=leak["service"], size=size)
    else:
        yield gettext("Memory grows by %(size)s per hour.", size=size)
    left = leak["seconds_to_limit"]
    if left is not None and left >= 2 * DAY_S:
        days = round(left / DAY_S)
        yield ngettext(
            "When last checked, the limit was %(num)s day away.",
            "When last checked, the limit was %(num)s days away.",
            days,
            num=number(days),
        )
    elif left is not None:
        hours = max(1, round(left / HOUR_S))
        yield ngettext(
            "When last checked, the limit was %(num)s hour away.",
            "When last checked, the limit was %(num)s hours away.",
            hours,
            num=number(hours),
        )


def _pair(text: str, shown: Any, before: dict[str, Any] | None, after: dict[str, Any], key: str) -> str:
    values = shown(after[key])
    if before and before[key] is not None and after[key] is not None:
        values = f"{shown(before[key])} → {values}"
        if before[key]:
            values += f" ({_change(before[key], after[key])})"
    return gettext(text, values=values)


def _change(before: float, after: float) -> str:
    part = round((after - before) / before * 100)
    sign = "+" if part > 0 else "−" if part < 0 else "±"
    return gettext("%(value)s%%", value=f"{sign}{number(abs(part))}")
