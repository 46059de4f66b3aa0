"""How patient delivery is. The values come from the `webhook` part of pricing/alerts.yaml."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DeliveryOptions:
    """Limits of one run's deliveries; times in seconds."""

    max_messages_per_run: int = 20
    attempts: int = 4
    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 10.0
    attempt_deadline_seconds: float = 15.0
    run_deadline_seconds: float = 60.0
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 10.0
