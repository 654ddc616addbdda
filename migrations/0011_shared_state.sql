-- What instances on one database share that each kept in memory before.

-- Failed sign-ins and other guesses.
create table sign_in_failures (
    -- HMAC of the account, device, user, invitation link or address.
    subject bytea primary key not null,
    failures bigint not null,
    -- When the first of them happened, on the database's clock.
    since bigint not null
);

create index sign_in_failures_by_since on sign_in_failures (since);

-- What only one instance may do at a time: `test <credential>`, `import <import job>`, `sample <sample>`.
create table claims (
    name text primary key not null,
    instance_id text not null,
    -- On the database's clock. The instance moves it on while it works.
    expires_at bigint not null
);

create index claims_of_instance on claims (instance_id);

-- The state of SHA-256 after the stored bytes, so that any instance can continue the file without reading them; null on SQLite.
alter table import_files add column hash_state bytea;
