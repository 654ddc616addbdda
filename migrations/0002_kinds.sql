-- Every kind of key: what is kept of secrets that others made, of corpora, of providers, of usage and of invitations.

-- Sessions are told apart on their owner's profile. Those of before end: everybody signs in once more.
drop table sessions;

create table sessions (
    id text primary key not null,
    -- SHA-256 of what the cookie holds.
    digest bytea not null unique,
    user_id text not null references users (id),
    created_at bigint not null,
    last_seen_at bigint not null,
    -- From where it was begun, and with which browser.
    address text not null,
    agent text not null
);

create index sessions_of_user on sessions (user_id);

-- Stays when the sessions are gone.
alter table users add column last_seen_at bigint;

-- What the log is searched by: the texts of a row, folded, a line each. Made from the row, so not signed with it.
alter table audit_events add column folded text not null default '';
update audit_events set folded = lower(actor_name || ' ' || action || ' ' || object_name || ' ' || object_id || ' ' || address);

create table invitations (
    id text primary key not null,
    organization_id text not null references organizations (id),
    role_id text not null references roles (id),
    email text not null,
    -- The folded address while the invitation stands; null once it was accepted or withdrawn.
    open_email text,
    -- SHA-256 of what the link holds.
    digest bytea not null unique,
    created_by text not null references users (id),
    created_at bigint not null,
    expires_at bigint not null,
    accepted_at bigint,
    withdrawn_at bigint,
    unique (organization_id, open_email)
);

-- Whose the key is in the words of the API that it is for, and what that API notes of it: a flat JSON object.
alter table api_keys add column external_id text;
alter table api_keys add column metadata text;

-- What somebody made: counted for each member, and handed over when they leave.
create index api_keys_of_creator on api_keys (created_by) where deleted_at is null;

create index api_keys_by_external_id on api_keys (organization_id, kind, external_id) where deleted_at is null and external_id is not null;

-- Secrets that were replaced and stay good for a while.
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
    -- Counted up from 1 in each organization, never used again.
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

-- How often each key was used. Minutes are dropped after a while, days stay.
create table key_minutes (
    key_id text not null references api_keys (id),
    -- Since 1970, UTC.
    minute bigint not null,
    requests bigint not null,
    primary key (key_id, minute)
);

create index key_minutes_by_minute on key_minutes (minute);

create table key_days (
    organization_id text not null references organizations (id),
    -- Since 1970, UTC.
    day bigint not null,
    key_id text not null references api_keys (id),
    requests bigint not null,
    primary key (organization_id, day, key_id)
);

-- Keys that others made. Listed as API keys are, so the columns that lists sort by have the same names.
create table credentials (
    id text primary key not null,
    number bigint not null unique,
    organization_id text not null references organizations (id),
    kind text not null,
    name text not null,
    name_folded text not null,
    -- What may stand once only while it is not deleted: a folded name, or a provider and a user.
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
    -- How the last test of the connection went.
    tested_at bigint,
    test_outcome text,
    unique (organization_id, kind, unique_name)
);

create index credentials_of_creator on credentials (created_by) where deleted_at is null;

create index credentials_by_created on credentials (organization_id, kind, created_at, number, name_folded) where deleted_at is null;

-- The secrets of credentials, each under a data key of its own, which is wrapped under the master key.
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
    -- How it is spoken to: `openai` or `anthropic`.
    style text not null,
    base_url text not null,
    credential_id text references credentials (id),
    -- Why it lost its key: `deleted`, or `moved` with its address; null while it has one, and where it never had.
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
    -- Its own key; without one it uses its provider's.
    credential_id text references credentials (id),
    -- As its provider's.
    unlinked text,
    created_by text not null references users (id),
    created_at bigint not null,
    unique (organization_id, provider_id, name_folded)
);

create index providers_of_credential on providers (credential_id) where credential_id is not null;

create index models_of_credential on models (credential_id) where credential_id is not null;

-- Corpora are made by those who administer the organization.
update roles set permissions = permissions || ' manage_corpora' where name in ('owner', 'admin');

