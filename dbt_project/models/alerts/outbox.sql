-- depends_on: {{ source('landing', 'alerts_outbox') }}
select event_id, type, endpoint, attempts, status, next_attempt_at, delivered_at, enqueued_at, reason
from {{ landed_reference('alerts_outbox') }}
