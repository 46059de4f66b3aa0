"""Every setting, typed, in one place: environment variables and `.env`, with defaults inside the repository."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tokencost_pipeline.errors import UserError

PROJECT_ROOT = Path(__file__).resolve().parents[1]


class Settings(BaseSettings):
    """What the pipeline reads from its surroundings. Relative paths are taken from the repository's root."""

    model_config = SettingsConfigDict(
        env_prefix="TOKENCOST_",
        env_file=(PROJECT_ROOT / ".env", ".env"),
        env_ignore_empty=True,
        extra="ignore",
    )

    raw_dir: Path = Field(Path("raw"), description="inputs; only ever read")
    pricing_dir: Path = Field(Path("pricing"), description="price book and the other files people edit")
    data_dir: Path = Field(
        Path(".tokencost"), description="warehouse, landing zone, exports, Dagster home, locks"
    )
    reports_dir: Path = Field(Path("evidence_reports/published"), description="what is published")
    as_of: str = Field("now", description="the instant called 'now': RFC 3339 with offset, 'now' or 'latest'")
    timezone: str = Field("UTC", description="zone in which days are cut")
    target: Literal["duckdb", "clickhouse"] = Field("duckdb", description="dbt target: the engine")
    clickhouse_host: str | None = Field(
        None,
        description="ClickHouse server (not set: the engine embedded in the process, below the data folder)",
    )
    clickhouse_port: int | None = Field(
        None, ge=1, le=65535, description="its HTTP port; 8123, or 8443 when secure"
    )
    clickhouse_user: str = Field("default", description="its user")
    clickhouse_password: SecretStr | None = Field(None, description="the user's password")
    clickhouse_database: str = Field("tokencost", description="prefix of the databases that are written")
    clickhouse_secure: bool = Field(False, description="TLS to the server")
    clickhouse_cluster: str | None = Field(None, description="cluster on which tables are made (ON CLUSTER)")
    webhook_url: SecretStr | None = Field(None, description="where alerts are posted")
    webhook_secret: SecretStr | None = Field(None, description="Standard Webhooks signing secret (whsec_…)")
    lock_timeout_seconds: float = Field(600.0, ge=0, description="how long a run waits for another run")
    max_unpriced_share: Decimal = Field(
        Decimal("0.05"), description="share of attempts without a price above which the check is an error"
    )

    memory_limit_mib: int = Field(
        1280, ge=256, description="memory (MiB) the engine may take for a build; beyond that it uses the disk"
    )

    raw_retention_days: int | None = Field(
        None,
        description="days for which attempts are kept; rollups are kept for ever (not set: everything is)",
    )

    @field_validator("raw_retention_days", mode="before")
    @classmethod
    def _whole_days(cls, value: object) -> int | None:
        text = "" if value is None else str(value)
        if value is not None and (not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) or int(text) < 1):
            raise ValueError(
                f"{text!r} is not a number of days: write a whole number from 1 such as '400', "
                "or leave it out to keep every attempt"
            )
        return None if value is None else int(text)

    @field_validator("clickhouse_database")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,40}", value, re.ASCII):
            raise ValueError(f"{value!r} is no plain name: write letters, digits and _ such as 'tokencost'")
        return value

    @field_validator("raw_dir", "pricing_dir", "data_dir", "reports_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        path = value.expanduser()
        return path if path.is_absolute() else (PROJECT_ROOT / path).resolve()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
            if value.startswith(("posix", "right/", "localtime")):  # files of a zone database, no zones
                raise ValueError(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(
                f"{value!r} is not an IANA time zone such as 'Europe/Berlin' or 'UTC'"
            ) from error
        return value

    @field_validator("as_of")
    @classmethod
    def _instant_with_offset(cls, value: str) -> str:
        if value in {"now", "latest"}:
            return value
        try:
            instant = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(
                f"{value!r} is not an RFC 3339 instant such as '2026-11-21T10:00:00Z', 'now' or 'latest'"
            ) from error
        if instant.tzinfo is None:
            raise ValueError(f"{value!r} has no offset: write '{value}Z' or '{value}+01:00'")
        return value

    @field_validator("max_unpriced_share", mode="before")
    @classmethod
    def _share(cls, value: object) -> Decimal:
        text = str(value)
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text, re.ASCII) or Decimal(text) > 1:
            raise ValueError(
                f"{text!r} is not a share: write a decimal from 0 to 1 such as '0.05', which is 5 %"
            )
        return Decimal(text)

    @cached_property
    def landing_dir(self) -> Path:
        return self.data_dir / "landing"

    @cached_property
    def warehouse_path(self) -> Path:
        return self.data_dir / "warehouse.duckdb"

    @cached_property
    def clickhouse_path(self) -> Path:
        """Files of the embedded engine."""
        return self.data_dir / "clickhouse"

    @cached_property
    def exports_dir(self) -> Path:
        return self.data_dir / "exports"

    @cached_property
    def dagster_home(self) -> Path:
        return self.data_dir / "dagster_home"

    @cached_property
    def locks_dir(self) -> Path:
        return self.data_dir / "locks"

    @cached_property
    def dbt_project_dir(self) -> Path:
        return PROJECT_ROOT / "dbt_project"

    @property
    def dbt_target_dir(self) -> Path:
        # what was built from what is remembered here, engine by engine
        return self.data_dir / ("dbt_target" if self.target == "duckdb" else f"dbt_target_{self.target}")

    def fixed_as_of(self) -> datetime | None:
        """The instant `TOKENCOST_AS_OF` names, or None for 'now' and 'latest'."""
        return None if self.as_of in {"now", "latest"} else datetime.fromisoformat(self.as_of)


def with_target(settings: Settings, target: str) -> Settings:
    """The same settings for another engine. Raises UserError when there is no such engine."""
    if target not in get_args(Settings.model_fields["target"].annotation):
        raise UserError(f"{target!r} is no engine", place="--target", hint="write duckdb or clickhouse")
    return settings.model_copy(update={"target": target})


def load_settings() -> Settings:
    """Read the settings. Raises UserError that names the variable to mend."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        variable = "TOKENCOST_" + "_".join(str(part) for part in first["loc"]).upper()
        raise UserError(str(first["msg"]).removeprefix("Value error, "), place=variable) from error
