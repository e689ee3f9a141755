"""The Prefect worker of our own type: takes the runs of one Docker host and executes them in threads of its process.

Prefect's client answers a busy server (its SQLite says 503) with pauses of 2, 4, 8, 16 and 32 s inside of one call, and
its worker ends, with all runs in its hands, when a call fails while it takes a run over. So each call that a run has to
wait for is cut here after a few seconds and made again, and one that fails costs nothing but that.
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
    """What Prefect's worker wants to know of a finished run."""


class EngineWorker(BaseWorker[BaseJobConfiguration, BaseVariables, EngineResult]):
    """Runs flow runs in threads of this process. See prefect.workers.base.BaseWorker."""

    type = "backstay"
    job_configuration = BaseJobConfiguration
    _description = "Executes Backstay's flow runs inside its engine process."

    def prepare(self, context: Context, deployments: dict[UUID, str], poke: asyncio.Event) -> None:
        """Hand over what runs need; `deployments` maps deployment ids to flow names, `poke` has us ask for work."""
        self.context, self.deployments, self.poke = context, deployments, poke
        self.active: set[str] = set()  # runs that this process has in hand
        self.suspects: set[str] = set()  # runs that Prefect believes to be here, and are not
        self.threads = anyio.CapacityLimiter(THREADS)

    async def ask_for_work(self) -> None:
        """Take over what is due. Raises what Prefect's client does, TimeoutError too: ask again then."""
        with anyio.fail_after(CALL_WITHIN_S):
            await self.get_and_submit_flow_runs()

    async def sync_with_backend(self) -> None:
        """Prefect's own, but a server that does not answer soon is one that cannot be reached for now."""
        try:
            with anyio.fail_after(CALL_WITHIN_S):
                await super().sync_with_backend()
        except TimeoutError:
            raise httpx.ReadTimeout("Prefect is busy") from None

    async def _submit_run(self, flow_run: FlowRun) -> None:
        """Take a run over and execute it, with one call to the server where Prefect's own makes five."""
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
        # Abandoned, not awaited, when the process ends: threads cannot be cancelled, reconcile ends their rows.
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
            # The ledger has the outcome; what failed is Prefect's record of it. Type only: it may quote a request.
            self.context.log.warning(
                "prefect lost a run", extra={"run": str(flow_run.id), "cause": type(error).__name__}
            )
