-- Writers on PostgreSQL are concurrent.

-- Events that are committed and not chained yet. On SQLite there are none: each transaction adds its events to the chain itself.
create table audit_entries (
    id text primary key not null,
    at bigint not null,
    organization_id text not null,
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    action text not null,
    object_kind text not null,
    object_id text not null,
    object_name text not null,
    detail text not null,
    address text not null,
    -- HMAC over the columns above.
    mac bytea not null
);

-- Earlier versions number rows as if no other transaction could.
update schema_state set oldest_program = 13;
