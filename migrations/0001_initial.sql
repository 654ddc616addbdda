-- The same SQL runs on SQLite and PostgreSQL.
--
-- Times (`…_at`) are Unix milliseconds; a flag is a time that is null while the flag is not set. `…_folded` is the text in lower case and
-- Unicode normalization form C. `unique_name` is the folded name, or null once the row is deleted, which frees the name.

-- Organizations, users and sessions.

create table organizations (
    id text primary key not null,
    -- The number by which other systems refer to the organization.
    customer_id bigint not null unique,
    name text not null,
    name_folded text not null unique,
    -- ISO 4217. Prices and costs are integers in millionths of it.
    currency text not null default 'USD',
    created_at bigint not null
);

create table roles (
    id text primary key not null,
    organization_id text not null references organizations (id),
    name text not null,
    name_folded text not null,
    -- Separated by spaces.
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
    -- Argon2id, in the PHC string format.
    password_hash text not null,
    created_at bigint not null,
    disabled_at bigint,
    -- Survives the deletion of sessions.
    last_seen_at bigint
);

create table sessions (
    id text primary key not null,
    -- HMAC-SHA256 of the session token, with the pepper.
    digest bytea not null unique,
    user_id text not null references users (id),
    created_at bigint not null,
    last_seen_at bigint not null,
    -- The IP address and the browser from which it was started.
    address text not null,
    user_agent text not null
);

create index sessions_of_user on sessions (user_id);

create table invitations (
    id text primary key not null,
    organization_id text not null references organizations (id),
    role_id text not null references roles (id),
    email text not null,
    -- The folded address while the invitation is open; null once it is accepted or withdrawn.
    open_email text,
    -- HMAC-SHA256 of the token in the link, with the pepper.
    digest bytea not null unique,
    created_by text not null references users (id),
    created_at bigint not null,
    expires_at bigint not null,
    accepted_at bigint,
    withdrawn_at bigint,
    unique (organization_id, open_email)
);

create index invitations_of_role on invitations (role_id);

-- API keys.

create table api_keys (
    id text primary key not null,
    -- Identifies the row in list snapshots with 8 bytes instead of 36. Counted up from 1, never reused.
    number bigint not null unique,
    organization_id text not null references organizations (id),
    -- `internal`, `client`, `corpus`, `agent` or `project`.
    kind text not null,
    name text not null,
    name_folded text not null,
    -- Also null if names of this kind need not be unique.
    unique_name text,
    -- HMAC of the key's SHA-256.
    digest bytea not null unique,
    mask text not null,
    -- Separated by spaces.
    scopes text not null,
    -- The customer's own id for the holder of the key.
    external_id text,
    -- A flat JSON object.
    metadata text,
    -- JSON: [{"name", "limit", "duration_ms"}].
    rate_limits text,
    -- CIDR networks, separated by spaces. Null: any address.
    allowed_ips text,
    -- Credits that are left and not reserved by an instance. Null: unlimited.
    credits_remaining bigint,
    -- `never`, `daily` or `monthly`.
    credits_refill text,
    -- The amount that a refill restores.
    credits_amount bigint,
    -- Start of the day or month in which they were last set or refilled.
    credits_refilled_at bigint,
    -- Incremented whenever a user or a refill sets the remaining credits, which voids earlier reservations.
    credits_version bigint,
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
create index api_keys_by_created_at on api_keys (organization_id, kind, created_at, number, name_folded) where deleted_at is null;

create index api_keys_by_name on api_keys (organization_id, kind, name_folded, number) where deleted_at is null;

create index api_keys_by_last_used_at on api_keys (organization_id, kind, (coalesce(last_used_at, 0)), number, name_folded) where deleted_at is null;

create index api_keys_by_expires_at on api_keys (organization_id, kind, (coalesce(expires_at, 9223372036854775807)), number, name_folded) where deleted_at is null;

create index api_keys_by_external_id on api_keys (organization_id, kind, external_id, number) where deleted_at is null and external_id is not null;

-- The last four characters.
create index api_keys_by_mask_end on api_keys (organization_id, kind, (substr(mask, length(mask) - 3)), number) where deleted_at is null;

-- For counting the disabled keys.
create index api_keys_by_disabled_at on api_keys (organization_id, disabled_at) where deleted_at is null and disabled_at is not null;

-- For counting a member's keys and transferring them to another member.
create index api_keys_of_creator on api_keys (created_by) where deleted_at is null;

-- Replaced secrets that stay valid for a grace period. Kept afterwards, so that no retired secret becomes a new key.
create table retired_secrets (
    digest bytea primary key not null,
    key_id text not null references api_keys (id),
    retired_at bigint not null,
    expires_at bigint not null,
    -- Number of requests since it was retired.
    uses bigint not null,
    last_used_at bigint
);

create index retired_secrets_of_key on retired_secrets (key_id, expires_at);

create table corpora (
    organization_id text not null references organizations (id),
    -- Counted up from 1 in each organization, never reused.
    id bigint not null,
    name text not null,
    name_folded text not null,
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

-- Changes that affect verdicts. Every instance polls this table several times a second.
create table verdict_changes (
    -- From 1, without gaps.
    seq bigint primary key not null,
    created_at bigint not null,
    -- The affected object: `key <digest>`, `creator <id>`, `role <id>`, `project <id>`, `corpus <organization> <number>` or `signing-keys`.
    change text not null
);

-- API requests with an idempotency key: a repetition has no effect and gets the stored response. Kept for one day.
create table idempotency_keys (
    -- HMAC of the caller's key and the idempotency key.
    key_digest bytea primary key not null,
    -- HMAC of method, path and body: an idempotency key is valid for one request only.
    request_digest bytea not null,
    started_at bigint not null,
    -- The caller's permissions at that time. The response is repeated only to callers who still have all of them.
    permissions text not null,
    -- Null while in progress. 500 and above: ended without a response that can be repeated.
    status bigint,
    -- JSON: [[name, value]].
    headers text,
    -- Never contains a secret.
    body bytea
);

create index idempotency_keys_by_started_at on idempotency_keys (started_at);

-- Usage. Cost is the sum of requests × price at that time, in millionths of the organization's currency.

-- Deleted after a while.
create table usage_by_minute (
    key_id text not null references api_keys (id),
    -- Minutes since 1970, UTC.
    minute bigint not null,
    requests bigint not null,
    cost bigint not null default 0,
    primary key (key_id, minute)
);

create index usage_by_minute_by_minute on usage_by_minute (minute);

-- The last batch of usage that each running instance has written: an instance that lost the answer to a commit finds it here. Deleted after a
-- while.
create table usage_batches (
    -- A random id of the instance's process.
    writer text primary key not null,
    -- Counted up by the writer.
    number bigint not null,
    written_at bigint not null
);

-- Kept.
create table usage_by_day (
    organization_id text not null references organizations (id),
    -- Days since 1970, UTC.
    day bigint not null,
    key_id text not null references api_keys (id),
    requests bigint not null,
    cost bigint not null default 0,
    primary key (organization_id, day, key_id)
);

-- For the usage of a project's keys over many days.
create index usage_by_day_of_key on usage_by_day (key_id, day);

-- Credentials, issued by others, and the language models that they are for.

-- Columns that lists sort by have the same names as in api_keys.
create table credentials (
    id text primary key not null,
    -- As in api_keys.
    number bigint not null unique,
    organization_id text not null references organizations (id),
    -- `external` or `general`.
    kind text not null,
    name text not null,
    name_folded text not null,
    -- Unique while it is not deleted: the folded name, or provider and user.
    unique_name text,
    -- The provider of an external credential; null for general ones.
    provider text,
    region text,
    mask text not null,
    created_by text not null references users (id),
    created_at bigint not null,
    -- Changes whenever the secret changes.
    updated_at bigint not null,
    expires_at bigint,
    deleted_at bigint,
    last_used_at bigint,
    -- The last test of the connection.
    tested_at bigint,
    test_outcome text,
    unique (organization_id, kind, unique_name)
);

create index credentials_by_created_at on credentials (organization_id, kind, created_at, number, name_folded) where deleted_at is null;

create index credentials_of_creator on credentials (created_by) where deleted_at is null;

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
    -- `openai` or `anthropic`.
    api_style text not null,
    base_url text not null,
    credential_id text references credentials (id),
    -- Why the link to a credential was removed: `credential_deleted` or `address_changed`, otherwise null.
    unlink_reason text,
    created_by text not null references users (id),
    created_at bigint not null,
    unique (organization_id, name_folded)
);

create index providers_of_credential on providers (credential_id) where credential_id is not null;

create table models (
    id text primary key not null,
    organization_id text not null references organizations (id),
    provider_id text not null references providers (id),
    name text not null,
    name_folded text not null,
    -- The model's own credential; without one, the provider's is used.
    credential_id text references credentials (id),
    -- As in providers.
    unlink_reason text,
    created_by text not null references users (id),
    created_at bigint not null,
    unique (organization_id, provider_id, name_folded)
);

create index models_of_credential on models (credential_id) where credential_id is not null;

-- Projects.

create table projects (
    id text primary key not null,
    organization_id text not null references organizations (id),
    name text not null,
    name_folded text not null,
    unique_name text,
    description text not null,
    -- Who can see it: `members` or `organization`.
    visibility text not null,
    created_by text not null references users (id),
    created_at bigint not null,
    deleted_at bigint,
    unique (organization_id, unique_name)
);

-- Roles have no foreign key from here on: a role in use cannot be deleted, but rows that are no longer in use may refer to a deleted one.
create table project_members (
    project_id text not null references projects (id),
    user_id text not null references users (id),
    role_id text not null,
    added_by text not null references users (id),
    added_at bigint not null,
    primary key (project_id, user_id)
);

create index project_members_of_user on project_members (user_id);

create table project_nodes (
    project_id text not null references projects (id),
    -- Counted up from 1 in each project, never reused.
    id bigint not null,
    name text not null,
    name_folded text not null,
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

-- Key templates, access requests and issued keys.

create table key_templates (
    id text primary key not null,
    project_id text not null references projects (id),
    name text not null,
    name_folded text not null,
    unique_name text,
    description text not null,
    -- The role that its keys get.
    role_id text not null,
    -- Price of one request in millionths of the organization's currency.
    price bigint not null,
    -- Validity of its keys in days; null for unlimited.
    duration_days bigint,
    created_by text not null references users (id),
    created_at bigint not null,
    -- When it was created, until its name is saved: until then it is a draft, which cannot be requested. Null afterwards.
    draft_since bigint,
    deleted_at bigint,
    unique (project_id, unique_name)
);

create table key_template_fields (
    id text primary key not null,
    template_id text not null references key_templates (id),
    position bigint not null,
    name text not null,
    name_folded text not null,
    description text not null,
    value text not null,
    unique (template_id, name_folded)
);

create table access_requests (
    id text primary key not null,
    project_id text not null references projects (id),
    template_id text not null references key_templates (id),
    user_id text not null references users (id),
    -- The requester while the request is open, otherwise null: at most one open request per template and user.
    open_by text,
    requested_at bigint not null,
    -- `open`, `approved`, `rejected`, `withdrawn`, or `closed` (template or project deleted).
    state text not null,
    decided_at bigint,
    decided_by text references users (id),
    -- The comment of the decision; may be blank.
    comment text not null default '',
    unique (template_id, open_by)
);

create index access_requests_of_project on access_requests (project_id, requested_at);

create index access_requests_of_user on access_requests (user_id, project_id);

-- The data of a project key that other API keys do not have. In api_keys, the holder is the creator. Until the key is revealed, it has no
-- token and its digest is random.
create table issued_keys (
    key_id text primary key not null references api_keys (id),
    project_id text not null references projects (id),
    template_id text not null references key_templates (id),
    request_id text not null references access_requests (id),
    role_id text not null,
    -- The template's information fields when the key was issued, as JSON: [{"name", "description", "value"}].
    fields text not null,
    approved_by text not null references users (id),
    -- When the token was revealed to the holder, and the id of the signing key; null until then.
    revealed_at bigint,
    signing_kid text
);

create index issued_keys_of_project on issued_keys (project_id);

create index issued_keys_of_template on issued_keys (template_id);

create index issued_keys_of_role on issued_keys (role_id);

create index issued_keys_of_signing_key on issued_keys (signing_kid) where signing_kid is not null;

-- Notifications.

create table notifications (
    -- Counted up from 1.
    seq bigint primary key not null,
    user_id text not null references users (id),
    -- The kind of event.
    event text not null,
    project_id text not null references projects (id),
    -- The access request that it is about, if any.
    request_id text references access_requests (id),
    -- The names of project and template at that time.
    project text not null,
    template text not null,
    -- The user who caused it, and their comment, which may be blank.
    actor_name text not null,
    comment text not null,
    created_at bigint not null,
    read_at bigint
);

create index notifications_of_user on notifications (user_id, seq);

-- Notifications to be sent by mail.
create table mail_queue (
    notification_seq bigint primary key not null references notifications (seq),
    -- The number of attempts so far.
    attempts bigint not null,
    next_attempt_at bigint not null
);

create index mail_queue_by_next_attempt_at on mail_queue (next_attempt_at);

-- Audit log: a chain of HMACs.

create table audit_events (
    -- From 1, without gaps.
    seq bigint primary key not null,
    id text not null,
    at bigint not null,
    organization_id text not null,
    -- `user`, `key` or `console`.
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    action text not null,
    object_kind text not null,
    object_id text not null,
    object_name text not null,
    -- A JSON object.
    detail text not null,
    -- The client's IP address; empty if unknown.
    address text not null,
    -- HMAC over the previous row's HMAC and all columns above.
    mac bytea not null,
    -- The searchable texts of the row, folded, one per line. Derived from the row, so not part of its HMAC.
    search_text text not null default ''
);

create index audit_events_of_organization on audit_events (organization_id, seq);

-- For the filters of the log.
create index audit_events_by_actor on audit_events (organization_id, actor_id, seq);
create index audit_events_by_action on audit_events (organization_id, action, seq);
create index audit_events_by_object_kind on audit_events (organization_id, object_kind, seq);

-- The signed end of the chain, which makes the removal of the last rows detectable. One row, with id 1.
create table audit_head (
    id bigint primary key not null,
    seq bigint not null,
    mac bytea not null
);

-- The installation's own keys.

-- Random secrets, each for one purpose, wrapped under the master key.
create table keyring (
    name text primary key not null,
    wrapped bytea not null,
    created_at bigint not null
);

-- Ed25519. The private half of the current one is in the keyring as `signing <kid>`; retired ones have none.
create table signing_keys (
    kid text primary key not null,
    public_key bytea not null,
    created_at bigint not null,
    retired_at bigint
);
