-- How many lines were refused and how many events contradict an earlier one.
select
    (select count(*) from ingest.quarantine) as quarantined,
    (select count(*) from ingest.conflicts) as conflicts
