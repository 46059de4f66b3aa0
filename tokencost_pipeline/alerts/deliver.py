"""Post what waits in the outbox, within a budget of time, and write down what became of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_result,
    stop_after_attempt,
    stop_any,
    stop_before_delay,
)
from tenacity.stop import stop_base
from tenacity.wait import wait_random_exponential

from tokencost_pipeline.alerts.endpoint import Endpoint
from tokencost_pipeline.alerts.grouping import settle_members, single_messages
from tokencost_pipeline.alerts.message import excess_of
from tokencost_pipeline.alerts.network import Answer, post
from tokencost_pipeline.alerts.options import DeliveryOptions
from tokencost_pipeline.alerts.outbox import Message, Outbox

LONGEST_RETRY_AFTER_SECONDS = 3600.0
"""A receiver may ask for a pause, but not for longer than this."""

_log = logging.getLogger(__name__)


def deliver_pending(
    outbox: Outbox,
    endpoint: Endpoint,
    options: DeliveryOptions,
    now: datetime,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Post the pending messages of `endpoint` that are due. Returns why any of them did not arrive, fit to
    be shown.

    Each answer is written down before the next message is posted. A receiver that cannot be reached at all
    ends the run's deliveries: the next message would only wait as long again.
    """
    for group in outbox.messages(endpoint):
        settle_members(outbox, endpoint, group, now)
    started = time.monotonic()
    due = [
        m for m in single_messages(outbox, endpoint) if m.next_attempt_at is None or m.next_attempt_at <= now
    ]
    due.sort(key=lambda m: (m.attempts, m.enqueued_at, -excess_of(m.body), m.event_id))
    reasons: list[str] = []
    if len(due) > options.max_messages_per_run:
        left_over = len(due) - options.max_messages_per_run
        reasons.append(
            f"{left_over} messages wait for the next run (at most {options.max_messages_per_run} a run)"
        )
    for message in due[: options.max_messages_per_run]:
        left = options.run_deadline_seconds - (time.monotonic() - started)
        if left <= 0:
            reasons.append("the time for deliveries was used up, the rest waits for the next run")
            break
        answer, attempts = _post_until_settled(message, endpoint, options, left, sleep)
        at = now + timedelta(seconds=time.monotonic() - started)
        _write_down(outbox, endpoint, message, answer, attempts, at)
        if answer.reason:
            reasons.append(f"{message.event_id} to {endpoint.label}: {answer.reason}")
            _log.warning("alert %s to %s: %s", message.event_id, endpoint.label, answer.reason)
        else:
            _log.info("alert %s delivered to %s", message.event_id, endpoint.label)
        if answer.verdict in ("gone", "refused") or _out_of_reach(answer):
            break
    return reasons


def _post_until_settled(
    message: Message,
    endpoint: Endpoint,
    options: DeliveryOptions,
    left: float,
    sleep: Callable[[float], None],
) -> tuple[Answer, int]:
    end = time.monotonic() + left
    retrying = Retrying(
        retry=retry_if_result(lambda answer: answer.verdict == "retry"),
        wait=_Wait(options),
        stop=stop_any(
            stop_after_attempt(options.attempts),
            stop_before_delay(left),
            _AskedToWaitLonger(options.longest_wait_seconds),
        ),
        retry_error_callback=_last_answer,
        sleep=sleep,
    )

    def attempt() -> Answer:
        body = message.body.encode("ascii")
        within = max(0.0, end - time.monotonic())
        return post(endpoint.url, _headers(message, endpoint), body, options, within)

    answer = retrying(attempt)
    return answer, int(retrying.statistics["attempt_number"])


def _last_answer(state: RetryCallState) -> Answer:
    assert state.outcome is not None
    answer: Answer = state.outcome.result()
    return answer


class _AskedToWaitLonger(stop_base):
    """Stops when the next pause would be longer than a run may sleep: a later run comes back to it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, retry_state: RetryCallState) -> bool:
        return retry_state.upcoming_sleep > self._seconds


class _Wait:
    """Doubling with full jitter, so that many senders do not come back in step; never sooner than
    Retry-After asks.
    """

    def __init__(self, options: DeliveryOptions) -> None:
        self._jittered = wait_random_exponential(
            multiplier=options.first_wait_seconds, max=options.longest_wait_seconds
        )

    def __call__(self, state: RetryCallState) -> float:
        return max(self._jittered(state), _last_answer(state).retry_after_seconds or 0.0)


def _headers(message: Message, endpoint: Endpoint) -> dict[str, str]:
    """Standard Webhooks: the id is the same at every attempt, the timestamp is that of the attempt."""
    moment = datetime.now(UTC)
    headers = {
        "content-type": "application/json",
        "user-agent": _user_agent(),
        "webhook-id": message.event_id,
        "webhook-timestamp": str(int(moment.timestamp())),
    }
    if endpoint.signer:
        headers["webhook-signature"] = endpoint.signer.sign(message.event_id, moment, message.body)
    return headers


def _user_agent() -> str:
    try:
        return f"tokencost-pipeline/{version('tokencost-pipeline')}"
    except PackageNotFoundError:
        return "tokencost-pipeline"


def _write_down(
    outbox: Outbox, endpoint: Endpoint, message: Message, answer: Answer, attempts: int, at: datetime
) -> None:
    if answer.verdict == "delivered":
        message = message.finished("delivered", at, attempts)
    elif answer.verdict == "failed":
        message = message.finished("failed", at, attempts, answer.reason)
    elif answer.verdict == "gone":
        outbox.disable(endpoint, at, str(answer.reason))
        message = message.finished("disabled", at, attempts, answer.reason)
    else:
        pause = min(answer.retry_after_seconds or 0.0, LONGEST_RETRY_AFTER_SECONDS)
        message = message.postponed(at + timedelta(seconds=pause), attempts, str(answer.reason))
    outbox.save(message)
    settle_members(outbox, endpoint, message, at)


def _out_of_reach(answer: Answer) -> bool:
    return answer.verdict == "retry" and not str(answer.reason).startswith("HTTP ")
