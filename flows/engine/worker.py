"""Our own type of Prefect worker: takes the runs of one Docker host and executes them in threads of its process.

Prefect's client retries a busy server (its SQLite answers 503) after 2, 4, 8, 16 and 32 s within one call, and its
worker exits, with all runs in progress, when a call fails while it takes over a run. So each call on the way of a run
is cut off here after a few seconds and retried, and a failed one costs nothing else.
"""

from __future__ import annotations

import asyncio
import os
from uuid import UUID

import anyio
import anyio.to_thread
import httpx
from prefect.client.schemas.objects import FlowRun
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from flows.engine.prefect_flows import FLOWS
from tasks.context import Context

THREADS = 64
CALL_WITHIN_S = 8.0
AGAIN_AFTER_S = 1.0


class EngineResult(BaseWorkerResult):
    """The result type that Prefect's worker requires of a finished run."""


class EngineWorker(BaseWorker[BaseJobConfiguration, BaseVariables, EngineResult]):
    """Executes flow runs in threads of this process. See prefect.workers.base.BaseWorker."""

    type = "backstay"
    job_configuration = BaseJobConfiguration
    _description = "Executes Backstay's flow runs inside its engine process."

    def prepare(self, context: Context, deployments: dict[UUID, str], poke: asyncio.Event) -> None:
        """Set what runs need; `deployments` maps deployment ids to flow names, `poke` triggers a poll for work."""
        self.context, self.deployments, self.poke = context, deployments, poke
        self.active: set[str] = set()  # runs that this process executes
        self.suspects: set[str] = set()  # runs that Prefect believes to be here, but are not
        self.threads = anyio.CapacityLimiter(THREADS)

    async def ask_for_work(self) -> None:
        """Take over due runs. Raises what Prefect's client raises, TimeoutError too: poll again then."""
        with anyio.fail_after(CALL_WITHIN_S):
            await self.get_and_submit_flow_runs()

    async def sync_with_backend(self) -> None:
        """Do as Prefect's own, with a deadline: a server that responds too late counts as unreachable for now."""
        try:
            with anyio.fail_after(CALL_WITHIN_S):
                await super().sync_with_backend()
        except TimeoutError:
            raise httpx.ReadTimeout("Prefect is busy") from None

    async def _submit_run(self, flow_run: FlowRun) -> None:
        """Take over a run and execute it, with one call to the server where Prefect's own makes five."""
        self.active.add(str(flow_run.id))
        try:
            pending = False
            with anyio.move_on_after(CALL_WITHIN_S):
                pending = await self._propose_pending_state(flow_run)
            self._submitting_flow_run_ids.discard(flow_run.id)
            if pending:
                await self.run(flow_run, self.job_configuration())
        finally:
            self._submitting_flow_run_ids.discard(flow_run.id)
            self.active.discard(str(flow_run.id))
        if not pending:
            await asyncio.sleep(AGAIN_AFTER_S)
            self.poke.set()

    async def run(
        self,
        flow_run: FlowRun,
        configuration: BaseJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> EngineResult:
        """Execute one run to its end. Its outcome is the flow's own state; the result only says that it was run."""
        if task_status is not None:
            task_status.started(os.getpid())
        # Abandoned, not awaited, when the process exits: threads cannot be cancelled, reconcile ends their rows.
        await anyio.to_thread.run_sync(self._execute, flow_run, abandon_on_cancel=True, limiter=self.threads)
        return EngineResult(status_code=0, identifier=str(flow_run.id))

    def _execute(self, flow_run: FlowRun) -> None:
        name = self.deployments.get(flow_run.deployment_id) if flow_run.deployment_id else None
        try:
            if name is None:
                self.context.prefect.crash(str(flow_run.id), "not a flow of this engine")
                return
            # The heartbeat makes a synchronous flow return at the next whole second.
            with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
                run_flow(FLOWS[name], flow_run=flow_run, return_type="state")
        except Exception as error:
            # The ledger has the outcome; only Prefect's record of it failed. Type only: it may quote a request.
            self.context.log.warning(
                "prefect lost a run", extra={"run": str(flow_run.id), "cause": type(error).__name__}
            )
