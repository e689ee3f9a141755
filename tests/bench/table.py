"""The table that the benchmark prints: what was measured, beside what, and the ratio that is to be reached."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One comparison. `ratio` is value / base. `most` is the target: the largest ratio, or value where base is None."""

    what: str
    value: float
    unit: str
    base: float | None = None
    most: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the baseline."""
        return None if self.base is None else self.value / self.base

    @property
    def verdict(self) -> str:
        """Whether the target was reached."""
        reached = self.value if self.ratio is None else self.ratio
        return "" if self.most is None else "ok" if reached <= self.most else "MISSED"

    def cells(self) -> list[str]:
        """As the table shows them."""
        base = "" if self.base is None else f"{self.base:.1f} {self.unit}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        most = "" if self.most is None else f"{self.most:g}" + ("" if self.base is not None else f" {self.unit}")
        return [self.what, f"{self.value:.1f} {self.unit}", base, ratio, most, self.verdict]


HEAD = ["part", "what", "measured", "beside", "ratio", "at most", ""]


def show(parts: dict[str, list[Line]]) -> None:
    """Print all lines as one table that Markdown reads as well."""
    rows = [HEAD, *([part, *line.cells()] for part, lines in parts.items() for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    rule = "|".join("-" * (width + 2) for width in widths)
    print()
    for number, row in enumerate(rows):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
        if number == 0:
            print(f"|{rule}|")


def medians(rounds: int, *calls: Callable[[int], object]) -> list[float]:
    """Milliseconds of each call, the median of so many rounds. They take turns: a busy moment hits them all alike."""
    taken: list[list[float]] = [[] for _ in calls]
    for number in range(-2, rounds):  # the first two warm up
        for call, values in zip(calls, taken, strict=True):
            began = time.perf_counter()
            call(max(number, 0))
            values.append((time.perf_counter() - began) * 1000)
    return [statistics.median(values[2:]) for values in taken]
