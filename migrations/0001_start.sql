-- One SQL for SQLite and PostgreSQL. Moments are Unix milliseconds; a flag is a moment that may be null.

create table organizations (
    id text primary key not null,
    -- The number by which other systems know the organization.
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
    -- SHA-256 of what the cookie holds.
    digest bytea primary key not null,
    user_id text not null references users (id),
    created_at bigint not null,
    last_seen_at bigint not null
);

create index sessions_of_user on sessions (user_id);

create table api_keys (
    id text primary key not null,
    -- By which opened lists note their rows: 8 bytes instead of 36. Counted up from 1, never used again.
    number bigint not null unique,
    organization_id text not null references organizations (id),
    kind text not null,
    name text not null,
    name_folded text not null,
    -- The folded name where the kind's names are unique and the key is not deleted; null elsewhere.
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

-- A list is opened by walking one of these alone: each holds its order, the number to note and the name to search.
create index api_keys_by_created on api_keys (organization_id, kind, created_at, number, name_folded) where deleted_at is null;

create index api_keys_by_name on api_keys (organization_id, kind, name_folded, number) where deleted_at is null;

create index api_keys_by_use on api_keys (organization_id, kind, (coalesce(last_used_at, 0)), number, name_folded) where deleted_at is null;

create index api_keys_by_end on api_keys (organization_id, kind, (coalesce(expires_at, 9223372036854775807)), number, name_folded) where deleted_at is null;

create table audit_events (
    -- Without gaps, from 1.
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

-- The last link of the chain, so that a row cut off at its end is missed.
create table audit_head (
    id bigint primary key not null,
    seq bigint not null,
    mac bytea not null
);

-- What changes a verdict. Every process on this database reads it several times a second.
create table changes (
    seq bigint primary key not null,
    at bigint not null,
    -- The key's digest; null when the change touches many keys.
    digest bytea
);

-- Random secrets of this installation, each for one purpose, wrapped under the master key.
create table keyring (
    name text primary key not null,
    wrapped bytea not null,
    created_at bigint not null
);
