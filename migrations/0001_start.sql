-- The same SQL runs on SQLite and PostgreSQL. Times are Unix milliseconds. Flags are nullable times.

create table organizations (
    id text primary key not null,
    -- The number by which other systems refer to the organization.
    customer_id bigint not null unique,
    name text not null,
    name_folded text not null unique,
    created_at bigint not null
);

create table roles (
    id text primary key not null,
    organization_id text not null references organizations (id),
    name text not null,
    name_folded text not null,
    permissions text not null,
    created_at bigint not null,
    unique (organization_id, name_folded)
);

create table users (
    id text primary key not null,
    organization_id text not null references organizations (id),
    role_id text not null references roles (id),
    name text not null,
    name_folded text not null,
    email text not null,
    email_folded text not null unique,
    password_hash text not null,
    created_at bigint not null,
    disabled_at bigint
);

create table sessions (
    -- SHA-256 of the session token.
    digest bytea primary key not null,
    user_id text not null references users (id),
    created_at bigint not null,
    last_seen_at bigint not null
);

create index sessions_of_user on sessions (user_id);

create table api_keys (
    id text primary key not null,
    -- Identifies the row in list snapshots with 8 bytes instead of 36. Counted up from 1, never reused.
    number bigint not null unique,
    organization_id text not null references organizations (id),
    kind text not null,
    name text not null,
    name_folded text not null,
    -- The folded name if names of this kind are unique and the key is not deleted, otherwise null.
    unique_name text,
    digest bytea not null unique,
    mask text not null,
    scopes text not null,
    created_by text not null references users (id),
    created_at bigint not null,
    expires_at bigint,
    disabled_at bigint,
    revoked_at bigint,
    deleted_at bigint,
    last_used_at bigint,
    unique (organization_id, kind, unique_name)
);

-- Covering indexes for lists: each has the sort column, the number and the searchable name.
create index api_keys_by_created on api_keys (organization_id, kind, created_at, number, name_folded) where deleted_at is null;

create index api_keys_by_name on api_keys (organization_id, kind, name_folded, number) where deleted_at is null;

create index api_keys_by_use on api_keys (organization_id, kind, (coalesce(last_used_at, 0)), number, name_folded) where deleted_at is null;

create index api_keys_by_end on api_keys (organization_id, kind, (coalesce(expires_at, 9223372036854775807)), number, name_folded) where deleted_at is null;

create table audit_events (
    -- From 1, without gaps.
    seq bigint primary key not null,
    id text not null,
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
    mac bytea not null
);

create index audit_events_of_organization on audit_events (organization_id, seq);

-- The signed end of the chain, which makes the removal of the last rows detectable.
create table audit_head (
    id bigint primary key not null,
    seq bigint not null,
    mac bytea not null
);

-- Changes that affect verdicts. Every instance polls this table several times a second.
create table changes (
    seq bigint primary key not null,
    at bigint not null,
    -- The key's digest; null if many keys are affected.
    digest bytea
);

-- Random secrets of the installation, each for one purpose, wrapped under the master key.
create table keyring (
    name text primary key not null,
    wrapped bytea not null,
    created_at bigint not null
);
