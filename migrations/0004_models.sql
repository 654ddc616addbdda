-- The gateway for language models: names, prices, budgets, and usage.

-- JSON: models, budget, tokens_per_minute, max_parallel. Null: the defaults of the kind.
alter table api_keys add column model_access text;

-- JSON: the budget that new agent keys receive.
alter table organizations add column agent_budget text;

-- JSON: the budget of all calls of the organization.
alter table organizations add column model_budget text;

-- For how many days the log of model calls is kept; 0 for none.
alter table organizations add column call_log_days bigint not null default 30;

-- JSON: the budget of the calls of all of the member's keys.
alter table users add column model_budget text;

-- The header that carries the credential, for example `api-key`; null for that of the API style.
alter table providers add column credential_header text;

-- JSON: the last failure of a call or test; null after a success.
alter table providers add column last_error text;

-- The name that the provider uses for the model.
alter table models add column upstream_name text;

update models set upstream_name = name;

-- JSON: the organization's own price; null for that of the built-in table.
alter table models add column price text;

-- Maximum number of tokens of a call, and of its output; null for the values of the built-in table.
alter table models add column context_tokens bigint;

alter table models add column output_tokens bigint;

-- 1: calls are allowed although the model has no price.
alter table models add column allow_unpriced bigint not null default 0;

-- JSON: ids of the models that are called if this one fails, in this order.
alter table models add column fallbacks text not null default '[]';

-- Names of models are unique in the organization. Until now they were unique in each provider: later ones get the provider's name as a prefix.
update models set
    name = (select p.name from providers p where p.id = models.provider_id) || '/' || name,
    name_folded = (select p.name_folded from providers p where p.id = models.provider_id) || '/' || name_folded
where exists (
    select 1 from models other
    where other.organization_id = models.organization_id and other.name_folded = models.name_folded and other.id < models.id
) and not exists (
    select 1 from models other join providers p on p.id = models.provider_id
    where other.organization_id = models.organization_id and other.name_folded = p.name_folded || '/' || models.name_folded
);

-- If that name is taken as well, they get their id as a suffix.
update models set name = name || '/' || id, name_folded = name_folded || '/' || id
where exists (
    select 1 from models other
    where other.organization_id = models.organization_id and other.name_folded = models.name_folded and other.id < models.id
);

-- The names of models and aliases: callers use both in the same place.
create table model_names (
    organization_id text not null references organizations (id),
    name_folded text not null,
    -- The id of the model or alias.
    owner_id text not null,
    primary key (organization_id, name_folded)
);

create unique index model_names_of_owner on model_names (owner_id);

insert into model_names (organization_id, name_folded, owner_id) select organization_id, name_folded, id from models where true on conflict do nothing;

-- Names that stand for one of several models.
create table model_aliases (
    id text primary key not null,
    organization_id text not null references organizations (id),
    name text not null,
    name_folded text not null,
    -- JSON: [{"model", "priority", "weight"}].
    targets text not null,
    created_by text not null references users (id),
    created_at bigint not null
);

create index model_aliases_of_organization on model_aliases (organization_id, name_folded);

-- What each running instance may spend of a budget in a period. The sum of `granted` never exceeds the limit: what an instance had reserved when
-- it crashed stays spent.
create table budget_shares (
    -- The id of the key, user or organization.
    owner_id text not null,
    organization_id text not null references organizations (id),
    -- `usd` or `tokens`.
    unit text not null,
    -- Start of the period, in milliseconds; 0 for a budget for all time.
    period_start bigint not null,
    -- A random id of the instance's process.
    writer text not null,
    granted bigint not null,
    -- At most `granted`.
    spent bigint not null,
    updated_at bigint not null,
    primary key (owner_id, unit, period_start, writer)
);

create index budget_shares_by_period on budget_shares (period_start);

-- The instances that have shares. On PostgreSQL each records from time to time that it is running.
create table budget_writers (
    writer text primary key not null,
    seen_at bigint not null
);

-- Usage of language models.

-- Deleted after a while.
create table model_usage_by_hour (
    organization_id text not null references organizations (id),
    -- Hours since 1970, UTC.
    hour bigint not null,
    -- The member to whom the calls are counted.
    user_id text not null references users (id),
    -- Empty for calls from the page.
    key_id text not null,
    model_id text not null,
    provider_id text not null,
    -- `reported`, `estimated` or `unpriced`.
    state text not null,
    calls bigint not null,
    failures bigint not null,
    input_tokens bigint not null,
    cached_tokens bigint not null,
    cache_write_tokens bigint not null,
    output_tokens bigint not null,
    reasoning_tokens bigint not null,
    -- In billionths of a US dollar.
    cost bigint not null,
    primary key (organization_id, hour, key_id, user_id, model_id, provider_id, state)
);

create index model_usage_by_hour_by_hour on model_usage_by_hour (hour);

-- Kept. Columns as in model_usage_by_hour.
create table model_usage_by_day (
    organization_id text not null references organizations (id),
    -- Days since 1970, UTC.
    day bigint not null,
    user_id text not null references users (id),
    key_id text not null,
    model_id text not null,
    -- The model's name at that time: models can be deleted.
    model text not null,
    provider_id text not null,
    state text not null,
    calls bigint not null,
    failures bigint not null,
    input_tokens bigint not null,
    cached_tokens bigint not null,
    cache_write_tokens bigint not null,
    output_tokens bigint not null,
    reasoning_tokens bigint not null,
    cost bigint not null,
    primary key (organization_id, day, key_id, user_id, model_id, provider_id, state)
);

-- The log of calls on PostgreSQL; on SQLite it is in files. Deleted after the organization's number of days.
create table model_calls (
    organization_id text not null,
    -- Milliseconds since 1970; unique together with `sequence`.
    at bigint not null,
    sequence bigint not null,
    key_id text not null,
    -- JSON: the event.
    event text not null,
    primary key (organization_id, at, sequence)
);

create index model_calls_of_key on model_calls (organization_id, key_id, at, sequence);

-- Notifications can be about something else than a project. SQLite cannot drop `not null` of a column, so the tables are created again.

create table mail_queue_before as select notification_seq, attempts, next_attempt_at from mail_queue;

drop table mail_queue;

alter table notifications rename to notifications_before;

create table notifications (
    -- Counted up from 1.
    seq bigint primary key not null,
    user_id text not null references users (id),
    -- The kind of event.
    event text not null,
    -- Null if it is not about a project.
    project_id text references projects (id),
    -- The access request that it is about, if any.
    request_id text references access_requests (id),
    -- The path of the page that it links to, if it is not about a project.
    link text,
    -- The names of project and template at that time; without a project, the subject and a detail.
    project text not null,
    template text not null,
    -- The user who caused it, and their comment, which may be blank.
    actor_name text not null,
    comment text not null,
    created_at bigint not null,
    read_at bigint
);

insert into notifications (seq, user_id, event, project_id, request_id, project, template, actor_name, comment, created_at, read_at)
    select seq, user_id, event, project_id, request_id, project, template, actor_name, comment, created_at, read_at from notifications_before;

drop table notifications_before;

create index notifications_of_user on notifications (user_id, seq);

create table mail_queue (
    notification_seq bigint primary key not null references notifications (seq),
    -- The number of attempts so far.
    attempts bigint not null,
    next_attempt_at bigint not null
);

insert into mail_queue (notification_seq, attempts, next_attempt_at) select notification_seq, attempts, next_attempt_at from mail_queue_before;

drop table mail_queue_before;

create index mail_queue_by_next_attempt_at on mail_queue (next_attempt_at);
