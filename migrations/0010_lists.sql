-- Lists of keys are read in the order that they had when they were opened, on any instance. Triggers maintain what is added here; they, the search
-- index of names, and the indexes by texts are created at each start, because they differ between the databases.

-- What determined the position of a row before it changed. Kept for two hours.
create table list_moves (
    organization_id text not null,
    -- The kind of the key or credential; `user` if the name of a user changed, or whether they are disabled.
    kind text not null,
    -- 0 for users.
    number bigint not null,
    -- PostgreSQL: the number of the transaction. SQLite: counted up in list_clock.
    moved_in bigint not null,
    -- Unix microseconds on the database's clock.
    at bigint not null,
    name_folded text not null,
    mask text not null,
    -- The id of the user if it is one.
    created_by text not null,
    expires_at bigint,
    disabled_at bigint,
    revoked_at bigint
);

create index list_moves_of_kind on list_moves (organization_id, kind, moved_in);

create index list_moves_by_at on list_moves (at);

-- SQLite: the number of moves so far. PostgreSQL: the id of the installation that numbers the transactions. One row, with id 1.
create table list_clock (
    id bigint primary key not null,
    value bigint not null
);

insert into list_clock (id, value) values (1, 0);

-- The last use by which lists are sorted: at most five minutes before the real one, so that one earlier value is enough to know where a key was.
-- Keys that were used before this migration get it at the next start, on PostgreSQL in the background.
alter table api_keys add column sorted_use_at bigint not null default 0;
-- Its previous value.
alter table api_keys add column earlier_use_at bigint not null default 0;
-- When the two were set, as in list_moves.
alter table api_keys add column use_moved_in bigint not null default 0;
alter table api_keys add column earlier_use_moved_in bigint not null default 0;

-- Others take their place, which are created after a start: on PostgreSQL in the background, because that takes minutes for millions of keys.
drop index api_keys_by_last_used_at;

drop index api_keys_by_expires_at;

drop index api_keys_of_creator;

drop index api_keys_by_name;

drop index api_keys_by_external_id;
