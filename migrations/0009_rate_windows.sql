-- Limits that the instances on one PostgreSQL database share. Empty on SQLite, which has one instance.
create table rate_windows (
    key_id text not null,
    -- `rate <name>`; `address <address> <name>` for a limit of a client address; `tokens` and `parallel` for calls of language models.
    name text not null,
    -- JSON: {"slots": [[used_at, count]], "held": {"ins_…": [permits, is_short]}}. Times are on the database's clock.
    state text not null,
    -- After this time, nothing of it counts.
    expires_at bigint not null,
    primary key (key_id, name)
);

create index rate_windows_by_expires_at on rate_windows (expires_at);
