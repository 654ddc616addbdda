-- The bodies of calls of language models, for keys that log them.

create table call_bodies (
    organization_id text not null references organizations (id),
    -- The id of the request.
    call_id text not null,
    -- When the call began. Deleted after the organization's number of days, like the log of calls.
    at bigint not null,
    -- JSON: names and bodies, encrypted under the key `call bodies` of the keyring.
    sealed bytea not null,
    primary key (organization_id, call_id)
);

create index call_bodies_by_time on call_bodies (organization_id, at);

-- New organizations have it from the start. The built-in roles cannot be edited, and no other role can have this name.
update roles set permissions = permissions || ' read_call_bodies' where name = 'owner';
