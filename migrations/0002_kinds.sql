-- All kinds of keys: credentials, corpora, providers, usage and invitations.

-- Sessions get an id for the owner's profile. Existing sessions are dropped, so all users sign in again.
drop table sessions;

create table sessions (
    id text primary key not null,
    -- SHA-256 of the session token.
    digest bytea not null unique,
    user_id text not null references users (id),
    created_at bigint not null,
    last_seen_at bigint not null,
    -- The IP address and the browser from which it was started.
    address text not null,
    agent text not null
);

create index sessions_of_user on sessions (user_id);

-- Survives the deletion of sessions.
alter table users add column last_seen_at bigint;

-- Searchable texts of a row, folded, one per line. Derived from the row, so not part of its HMAC.
alter table audit_events add column folded text not null default '';
update audit_events set folded = lower(actor_name || ' ' || action || ' ' || object_name || ' ' || object_id || ' ' || address);

create table invitations (
    id text primary key not null,
    organization_id text not null references organizations (id),
    role_id text not null references roles (id),
    email text not null,
    -- The folded address while the invitation is open; null once it is accepted or withdrawn.
    open_email text,
    -- SHA-256 of the token in the link.
    digest bytea not null unique,
    created_by text not null references users (id),
    created_at bigint not null,
    expires_at bigint not null,
    accepted_at bigint,
    withdrawn_at bigint,
    unique (organization_id, open_email)
);

-- The customer's own id for the holder of the key, and a flat JSON object of metadata.
alter table api_keys add column external_id text;
alter table api_keys add column metadata text;

-- For counting a member's keys and transferring them to another member.
create index api_keys_of_creator on api_keys (created_by) where deleted_at is null;

create index api_keys_by_external_id on api_keys (organization_id, kind, external_id) where deleted_at is null and external_id is not null;

-- Replaced secrets that stay valid for a grace period.
create table retired_secrets (
    digest bytea primary key not null,
    key_id text not null references api_keys (id),
    retired_at bigint not null,
    ends_at bigint not null,
    uses bigint not null,
    last_used_at bigint
);

create index retired_secrets_of_key on retired_secrets (key_id, ends_at);

create table corpora (
    organization_id text not null references organizations (id),
    -- Counted up from 1 in each organization, never reused.
    id bigint not null,
    name text not null,
    name_folded text not null,
    -- The folded name; null once it is deleted.
    unique_name text,
    created_by text not null references users (id),
    created_at bigint not null,
    deleted_at bigint,
    primary key (organization_id, id),
    unique (organization_id, unique_name)
);

create table key_corpora (
    key_id text not null references api_keys (id),
    organization_id text not null,
    corpus_id bigint not null,
    primary key (key_id, corpus_id),
    foreign key (organization_id, corpus_id) references corpora (organization_id, id)
);

create index key_corpora_of_corpus on key_corpora (organization_id, corpus_id);

-- Usage of keys. Usage per minute is deleted after a while, usage per day is kept.
create table key_minutes (
    key_id text not null references api_keys (id),
    -- Minutes since 1970, UTC.
    minute bigint not null,
    requests bigint not null,
    primary key (key_id, minute)
);

create index key_minutes_by_minute on key_minutes (minute);

create table key_days (
    organization_id text not null references organizations (id),
    -- Days since 1970, UTC.
    day bigint not null,
    key_id text not null references api_keys (id),
    requests bigint not null,
    primary key (organization_id, day, key_id)
);

-- Credentials, issued by others. Columns that lists sort by have the same names as in api_keys.
create table credentials (
    id text primary key not null,
    number bigint not null unique,
    organization_id text not null references organizations (id),
    kind text not null,
    name text not null,
    name_folded text not null,
    -- Unique while it is not deleted: a folded name, or provider and user.
    unique_name text,
    -- The storage provider; null for keys of language models.
    provider text,
    region text,
    mask text not null,
    created_by text not null references users (id),
    created_at bigint not null,
    updated_at bigint not null,
    expires_at bigint,
    deleted_at bigint,
    last_used_at bigint,
    -- The last test of the connection.
    tested_at bigint,
    test_outcome text,
    unique (organization_id, kind, unique_name)
);

create index credentials_of_creator on credentials (created_by) where deleted_at is null;

create index credentials_by_created on credentials (organization_id, kind, created_at, number, name_folded) where deleted_at is null;

-- The secrets of credentials, each encrypted under its own data key, which is wrapped under the master key.
create table sealed_secrets (
    credential_id text not null references credentials (id),
    -- `key`, `secret` or `value`.
    field text not null,
    wrapped_key bytea not null,
    ciphertext bytea not null,
    primary key (credential_id, field)
);

create table providers (
    id text primary key not null,
    organization_id text not null references organizations (id),
    name text not null,
    name_folded text not null,
    -- The provider's API: `openai` or `anthropic`.
    style text not null,
    base_url text not null,
    credential_id text references credentials (id),
    -- Why the link to a credential was removed: `deleted` (the credential) or `moved` (the provider's address), otherwise null.
    unlinked text,
    created_by text not null references users (id),
    created_at bigint not null,
    unique (organization_id, name_folded)
);

create table models (
    id text primary key not null,
    organization_id text not null references organizations (id),
    provider_id text not null references providers (id),
    name text not null,
    name_folded text not null,
    -- The model's own credential; without one, the provider's is used.
    credential_id text references credentials (id),
    -- As in providers.
    unlinked text,
    created_by text not null references users (id),
    created_at bigint not null,
    unique (organization_id, provider_id, name_folded)
);

create index providers_of_credential on providers (credential_id) where credential_id is not null;

create index models_of_credential on models (credential_id) where credential_id is not null;

-- Owners and admins get the permission to manage corpora.
update roles set permissions = permissions || ' manage_corpora' where name in ('owner', 'admin');

