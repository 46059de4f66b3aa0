"""Ten thousand incidents at once are one piece of news: the largest go out one by one, the rest in a single
message.
"""

from __future__ import annotations

from datetime import datetime

from tokencost_pipeline.alerts.endpoint import Endpoint
from tokencost_pipeline.alerts.message import ANOMALY_GROUP, excess_of, group_body, group_id
from tokencost_pipeline.alerts.outbox import Message, Outbox


def group_the_rest(outbox: Outbox, endpoint: Endpoint, most: int, now: datetime) -> int:
    """When more than `most` messages wait, put all but the `most` - 1 largest into one. Returns how many
    were put.
    """
    waiting = single_messages(outbox, endpoint)
    if len(waiting) <= most:
        return 0
    by_size = sorted(waiting, key=lambda m: (m.type != ANOMALY_GROUP, -excess_of(m.body), m.event_id))
    rest = [m for m in by_size[most - 1 :] if m.type != ANOMALY_GROUP]
    if len(rest) < 2:
        return 0
    members = [m.event_id for m in rest]
    outbox.enqueue(
        group_id(members), ANOMALY_GROUP, group_body([m.body for m in rest]), endpoint, now, members
    )
    return len(rest)


def single_messages(outbox: Outbox, endpoint: Endpoint) -> list[Message]:
    """Pending messages that have to be posted themselves: groups, and those that no group speaks for."""
    pending = outbox.messages(endpoint, "pending")
    spoken_for = {member for message in pending for member in message.members}
    return [m for m in pending if m.event_id not in spoken_for]


def settle_members(outbox: Outbox, endpoint: Endpoint, group: Message, now: datetime) -> None:
    """What became of the group has become of its members.

    Done for every finished group at each run, so that a crash between group and members heals.
    """
    for event_id in group.members:
        member = outbox.get(event_id, endpoint)
        if member and member.status == "pending" and group.status != "pending":
            outbox.save(member.finished(group.status, now, group.attempts, f"in {group.event_id}"))
