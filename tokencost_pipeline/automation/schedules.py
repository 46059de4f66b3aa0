"""When the pipeline runs by itself."""

import dagster as dg

from tokencost_pipeline.automation.jobs import everything
from tokencost_pipeline.settings import Settings


def every_morning(settings: Settings) -> dg.ScheduleDefinition:
    """01:15 in the reporting zone: the day before is complete and late events have had an hour."""
    return dg.ScheduleDefinition(
        name="every_morning",
        job=everything,
        cron_schedule="15 1 * * *",
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="The whole job, once a day.",
    )
