-- Grain: one row per metric of a mart, as seeds/metric_dictionary.csv has it.

with

dictionary as (

    select * from {{ ref('metric_dictionary') }}

),

entries as (

    -- Blanks around a value are a matter of typing, and an empty one is none.
    select
        trim(mart) as mart,
        trim(metric_name) as metric_name,
        trim(label) as label, -- noqa: RF04
        trim(unit) as unit,
        trim(aggregation) as aggregation,
        nullif(trim(numerator), '') as numerator,
        nullif(trim(denominator), '') as denominator,
        nullif(trim(genesys_metric), '') as genesys_metric,
        nullif(trim(genesys_name), '') as genesys_name,
        trim(definition) as definition,
        nullif(trim(difference), '') as difference
    from dictionary

),

final as (

    select
        -- ids
        mart || '.' || metric_name as metric_id,
        mart,
        metric_name,

        -- strings
        label,
        unit,
        aggregation,
        coalesce(numerator, metric_name) as numerator,
        denominator,
        case
            when aggregation = 'ratio'
                then
                    'cast(sum(' || numerator || ') as {{ sql_type('double precision') }})'
                    || ' / nullif(sum(' || denominator || '), 0)'
            when aggregation <> 'none'
                then aggregation || '(' || coalesce(numerator, metric_name) || ')'
        end as formula,
        genesys_metric,
        genesys_name,
        definition,
        difference

    from entries

)

select * from final
