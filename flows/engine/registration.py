"""Registration in Prefect: the work pool, the host's queue, the six deployments and their schedules."""

from __future__ import annotations

from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.utilities.callables import parameter_schema

from db.settings import Settings
from flows.engine.prefect_flows import FLOWS, SCHEDULES
from tasks.prefect_api import POOL

DESCRIPTION = "Backstay's engine: one process a Docker host, its queue has the host's name."


async def register(client: PrefectClient, settings: Settings) -> dict[UUID, str]:
    """Create or refresh the pool and the deployments; return flow names by deployment id.

    A schedule is created with its deployment and never changed: one paused in Prefect's UI stays paused.
    """
    try:
        await client.create_work_pool(WorkPoolCreate(name=POOL, type="backstay", description=DESCRIPTION))
    except ObjectAlreadyExists:
        await client.update_work_pool(POOL, WorkPoolUpdate(description=DESCRIPTION))
    found: dict[UUID, str] = {}
    for name, flow in FLOWS.items():
        known = await _known(client, name)
        deployment = await client.create_deployment(
            flow_id=await client.create_flow(flow),
            name=name,
            work_pool_name=POOL,
            work_queue_name=settings.host_name,
            description=flow.__doc__,
            # Prefect would store an unknown parameter with the run before we see it.
            parameter_openapi_schema=parameter_schema(flow).model_dump(exclude_unset=True)
            | {"additionalProperties": False},
            schedules=_kept(known) if known else _schedules(name),
            paused=known.paused if known else False,
            entrypoint=f"flows/engine/prefect_flows.py:{name.replace('-', '_')}",
            tags=["backstay"],
        )
        found[deployment] = name
    return found


async def _known(client: PrefectClient, name: str) -> DeploymentResponse | None:
    try:
        return await client.read_deployment_by_name(f"{name}/{name}")
    except ObjectNotFound:
        return None


def _kept(known: DeploymentResponse) -> list[DeploymentScheduleCreate]:
    # Registering again replaces the schedules by the given ones, and by none when none are given.
    return [DeploymentScheduleCreate(schedule=one.schedule, active=one.active) for one in known.schedules]


def _schedules(name: str) -> list[DeploymentScheduleCreate]:
    if name not in SCHEDULES:
        return []
    return [DeploymentScheduleCreate(schedule=CronSchedule(cron=SCHEDULES[name], timezone="UTC"), active=True)]
