-- One row per kind of observation, deployment or path, and outcome in plain logs. The kinds are views of the same traffic.
select
    observation,
    provider,
    coalesce(model, model_requested, http_path) as entity,
    coalesce(http_status, status) as outcome,
    sum(observations) as observations
from marts.agg_litellm_log
group by all
order by observation, observations desc, entity, outcome, provider
