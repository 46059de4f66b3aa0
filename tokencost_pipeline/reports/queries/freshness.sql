-- The first and the newest event, and when raw files were last read.
select
    (select min(occurred_at) from marts.fct_attempts) as first_event,
    (select max(occurred_at) from marts.fct_attempts) as newest_event,
    (select max(last_read_at) from ingest.files) as last_read_at
