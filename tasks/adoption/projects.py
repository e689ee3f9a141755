"""Reading a compose project that others started. Changes nothing."""

from __future__ import annotations

from tasks.adoption.look import Adoptable
from tasks.context import Context


def project(context: Context, name: str, workload: str = "") -> Adoptable:
    """Read a running project. Raises CannotAdopt, Failure."""
    raise NotImplementedError
