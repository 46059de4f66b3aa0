-- depends_on: {{ source('landing', 'litellm_log') }}
with landed as (

    select * from {{ landing('litellm_log') }}
    where file_id not in (select file_id from {{ landed_reference('withdrawn_files') }})

)

select
    {{ landed_attempt_columns() }},
    6 as source_rank,
    -- A plain log says that something was called, never what it used: nobody can tell from it what was billed.
    cast(null as boolean) as is_billed,
    {{ tag_value('tags', 'kind') }} as observation,
    {{ tag_value('tags', 'method') }} as http_method,
    {{ tag_value('tags', 'path') }} as http_path,
    {{ tag_value('tags', 'http_status') }} as http_status,
    {{ tag_value('tags', 'local_time') }} as local_time

from landed
