create table instances (
    -- `ins_…`; a process gets a new one whenever it has lost its lease for good.
    id text primary key not null,
    name text not null,
    version text not null,
    started_at bigint not null,
    -- Counted up with each confirmation. Others measure by it, with their own clocks, whether the lease can still be valid.
    renewals bigint not null,
    -- PostgreSQL: the snapshot of the last read whose changes were applied.
    applied text not null,
    -- Milliseconds from the oldest change of the last read to its application.
    lag_ms bigint not null,
    seen_at bigint not null,
    ended_at bigint
);
create index instances_by_ended_at on instances (ended_at);
alter table verdict_changes add column xid bigint;                 -- null on SQLite
create index verdict_changes_by_xid on verdict_changes (xid);
create table schema_state (id bigint primary key not null, oldest_program bigint not null);
insert into schema_state (id, oldest_program) values (1, 7);
