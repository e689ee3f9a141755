"""Bounded waits for slow calls: a page must answer while Docker or Prefect hangs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from typing import TypeVar

T = TypeVar("T")
# At most this many may hang at once; further calls time out unstarted, so a dead Engine costs no more threads.
_pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="patience")


def start(action: Callable[[], T]) -> Future[T]:
    """Start `action` in another thread."""
    return _pool.submit(action)


def result(future: Future[T], seconds: float, otherwise: T, log: logging.Logger) -> T:
    """Return the result within `seconds`; `otherwise` when it took longer or raised, which is logged by type."""
    try:
        return future.result(timeout=seconds)
    except TookTooLong:
        future.cancel()
        kind = "timeout"
    except Exception as error:
        kind = type(error).__name__
    log.warning("gave up waiting", extra={"kind": kind})
    return otherwise
