-- Calls that their callers gave a name, so that repeating one changes nothing twice. Kept for a day.
create table named_calls (
    -- HMAC of the caller's key and the name.
    digest bytea primary key not null,
    -- HMAC of method, path and body: a name is for one call.
    call_digest bytea not null,
    started_at bigint not null,
    -- What its person could do then: whoever can do less now is not told the answer again.
    permissions text not null,
    -- Null while it goes on. 500 and above: it ended without an answer that could be repeated.
    status bigint,
    -- JSON: [[name, value]].
    headers text,
    -- Never with a secret.
    body bytea
);

create index named_calls_by_start on named_calls (started_at);
