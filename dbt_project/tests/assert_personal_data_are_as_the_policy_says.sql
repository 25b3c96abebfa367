-- What is to be hashed is nothing but hashes, what is to be dropped is null. The remedy after a
-- change of seeds/pii_policy.csv is a full refresh of the model.

{% set hashes = '[0-9a-f]{64}(,[0-9a-f]{64})*' %}
{% set treatments = pii_treatments() %}

{% for model_name, columns in personal_columns().items() %}
    {% for column_name in columns %}
        {% set treatment = treatments.get(model_name ~ '.' ~ column_name, 'hash') %}

        select
            '{{ model_name }}.{{ column_name }}' as column_name,
            count(*) as value_count
        from {{ ref(model_name) }}
        where
            {{ column_name }} not in ('', 'Unknown user')
            {% if treatment == 'keep' %}
                and 1 = 0
            {% elif treatment == 'hash' %}
                and not {{ matches(column_name, hashes) }}
            {% endif %}
        having count(*) > 0

        union all
    {% endfor %}
{% endfor %}

select
    'fct_participant_attributes.raw_value' as column_name,
    count(*) as value_count
from {{ ref('fct_participant_attributes') }}
where
    is_pii
    and raw_value <> ''
    and not {{ matches('raw_value', hashes) }}
    and {{ untested() }}
having count(*) > 0
