-- Projects: templates, access requests, issued keys, their cost, and notifications.

-- ISO 4217. Amounts are integers in millionths of it.
alter table organizations add column currency text not null default 'USD';

create table projects (
    id text primary key not null,
    organization_id text not null references organizations (id),
    name text not null,
    name_folded text not null,
    -- The folded name; null once it is deleted.
    unique_name text,
    description text not null,
    -- Who can see it: `members` or `organization`.
    visibility text not null,
    created_by text not null references users (id),
    created_at bigint not null,
    deleted_at bigint,
    unique (organization_id, unique_name)
);

-- No foreign key to roles: a role in use cannot be deleted, but rows that are no longer in use may refer to a deleted one.
create table project_members (
    project_id text not null references projects (id),
    user_id text not null references users (id),
    role_id text not null,
    added_by text not null references users (id),
    added_at bigint not null,
    primary key (project_id, user_id)
);

create index project_members_of_user on project_members (user_id);

create table nodes (
    project_id text not null references projects (id),
    -- Counted up from 1 in each project, never reused.
    id bigint not null,
    name text not null,
    name_folded text not null,
    -- The folded name; null once it is deleted.
    unique_name text,
    created_by text not null references users (id),
    created_at bigint not null,
    deleted_at bigint,
    primary key (project_id, id),
    unique (project_id, unique_name)
);

-- Each is encrypted under its own data key, which is wrapped under the master key.
create table project_secrets (
    id text primary key not null,
    project_id text not null references projects (id),
    name text not null,
    name_folded text not null,
    wrapped_key bytea not null,
    ciphertext bytea not null,
    created_by text not null references users (id),
    created_at bigint not null,
    updated_at bigint not null,
    -- The project key that it was imported from.
    key_id text,
    unique (project_id, name_folded)
);

create table templates (
    id text primary key not null,
    project_id text not null references projects (id),
    name text not null,
    name_folded text not null,
    -- The folded name; null once it is deleted.
    unique_name text,
    description text not null,
    role_id text not null,
    -- Price of one request in millionths of the organization's currency.
    price bigint not null,
    -- Validity of its keys in days; null for unlimited.
    duration_days bigint,
    created_by text not null references users (id),
    created_at bigint not null,
    deleted_at bigint,
    unique (project_id, unique_name)
);

create table template_fields (
    id text primary key not null,
    template_id text not null references templates (id),
    position bigint not null,
    name text not null,
    name_folded text not null,
    description text not null,
    value text not null,
    unique (template_id, name_folded)
);

create table key_requests (
    id text primary key not null,
    project_id text not null references projects (id),
    template_id text not null references templates (id),
    user_id text not null references users (id),
    -- The requester while the request is open, otherwise null: at most one open request per template and user.
    open_by text,
    requested_at bigint not null,
    -- `open`, `approved`, `rejected`, `withdrawn`, or `closed` (template or project deleted).
    state text not null,
    decided_at bigint,
    decided_by text references users (id),
    -- The comment of the decision.
    word text not null default '',
    unique (template_id, open_by)
);

create index key_requests_of_project on key_requests (project_id, requested_at);

create index key_requests_of_user on key_requests (user_id, project_id);

-- The data of a project key that other API keys do not have. In api_keys, the holder is the creator. Until the key is revealed, it has no
-- token and its digest is random.
create table issued_keys (
    key_id text primary key not null references api_keys (id),
    project_id text not null references projects (id),
    template_id text not null references templates (id),
    request_id text not null references key_requests (id),
    role_id text not null,
    -- The template's information fields when the key was issued, as JSON: [{"name","description","value"}].
    fields text not null,
    approved_by text not null references users (id),
    -- When the token was revealed to the holder, and the id of the signing key.
    revealed_at bigint,
    signed_with text
);

create index issued_keys_of_project on issued_keys (project_id);

create index issued_keys_of_template on issued_keys (template_id);

create index issued_keys_of_signing_key on issued_keys (signed_with) where signed_with is not null;

-- Ed25519. The private half of the current one is in the keyring as `signing <kid>`; retired ones have none.
create table signing_keys (
    kid text primary key not null,
    public_key bytea not null,
    created_at bigint not null,
    retired_at bigint
);

-- Requests × price at that time, in millionths of the organization's currency.
alter table key_minutes add column cost bigint not null default 0;
alter table key_days add column cost bigint not null default 0;

-- For the usage of a project's keys over many days.
create index key_days_of_key on key_days (key_id, day);

-- Notifications shown in the page.
create table notices (
    -- Counted up from 1.
    seq bigint primary key not null,
    user_id text not null references users (id),
    -- The kind of event.
    event text not null,
    project_id text not null references projects (id),
    project text not null,
    template text not null,
    -- The user who caused it, and their comment.
    person text not null,
    word text not null,
    created_at bigint not null,
    read_at bigint
);

create index notices_of_user on notices (user_id, seq);

-- Notifications queued for mail.
create table mails (
    notice bigint primary key not null references notices (seq),
    -- The number of attempts so far, and the time of the next one.
    attempts bigint not null,
    next_at bigint not null
);

create index mails_by_turn on mails (next_at);
