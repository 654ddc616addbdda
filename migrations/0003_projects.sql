-- Projects: templates, requests, issued keys, what they cost, and the notices that people get of them.

-- ISO 4217. Money is a whole number of its millionths.
alter table organizations add column currency text not null default 'USD';

create table projects (
    id text primary key not null,
    organization_id text not null references organizations (id),
    name text not null,
    name_folded text not null,
    -- The folded name; null once it is deleted.
    unique_name text,
    description text not null,
    -- Who sees it: `members` or `organization`.
    visibility text not null,
    created_by text not null references users (id),
    created_at bigint not null,
    deleted_at bigint,
    unique (organization_id, unique_name)
);

-- Roles have no foreign key here: a role is kept while something that stands has it, and what is gone may name one that is gone too.
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
    -- Counted up from 1 in each project, never used again.
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

-- Each under a data key of its own, which is wrapped under the master key.
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
    -- The project key that it was imported with.
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
    -- Of one request: millionths of the organization's currency.
    price bigint not null,
    -- How long its keys are good, in days; null for ever.
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
    -- Who asks, while the request is open; null once it was decided or withdrawn: nobody asks twice at once.
    open_by text,
    requested_at bigint not null,
    -- `open`, `approved`, `rejected`, `withdrawn`, or `closed` with its template.
    state text not null,
    decided_at bigint,
    decided_by text references users (id),
    -- What was said with the decision.
    word text not null default '',
    unique (template_id, open_by)
);

create index key_requests_of_project on key_requests (project_id, requested_at);

create index key_requests_of_user on key_requests (user_id, project_id);

-- What a project key is beside an API key. Its row there names its holder as its maker; until it is revealed it has no token, and its
-- digest is random.
create table issued_keys (
    key_id text primary key not null references api_keys (id),
    project_id text not null references projects (id),
    template_id text not null references templates (id),
    request_id text not null references key_requests (id),
    role_id text not null,
    -- The template's information fields as they were then, as JSON: [{"name","description","value"}].
    fields text not null,
    approved_by text not null references users (id),
    -- When its holder was given the token, and the signing key under which it was signed.
    revealed_at bigint,
    signed_with text
);

create index issued_keys_of_project on issued_keys (project_id);

create index issued_keys_of_template on issued_keys (template_id);

create index issued_keys_of_signing_key on issued_keys (signed_with) where signed_with is not null;

-- Ed25519. The private half of the one that signs is in the keyring as `signing <kid>`; those that are retired have none.
create table signing_keys (
    kid text primary key not null,
    public_key bytea not null,
    created_at bigint not null,
    retired_at bigint
);

-- What was counted × the price at that time, in millionths of the organization's currency.
alter table key_minutes add column cost bigint not null default 0;
alter table key_days add column cost bigint not null default 0;

-- What the keys of one project were used for, over many days.
create index key_days_of_key on key_days (key_id, day);

-- What somebody is told in the page.
create table notices (
    -- Counted up from 1.
    seq bigint primary key not null,
    user_id text not null references users (id),
    -- What happened: a word.
    event text not null,
    project_id text not null references projects (id),
    project text not null,
    template text not null,
    -- Who did it, and what they said.
    person text not null,
    word text not null,
    created_at bigint not null,
    read_at bigint
);

create index notices_of_user on notices (user_id, seq);

-- Notices that are still to be sent by mail.
create table mails (
    notice bigint primary key not null references notices (seq),
    -- How often it was tried, and when it is tried next.
    attempts bigint not null,
    next_at bigint not null
);

create index mails_by_turn on mails (next_at);
