-- API requests with an idempotency key: a repetition has no effect and gets the stored response. Kept for one day.
create table named_calls (
    -- HMAC of the caller's key and the idempotency key.
    digest bytea primary key not null,
    -- HMAC of method, path and body: an idempotency key is valid for one request only.
    call_digest bytea not null,
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

create index named_calls_by_start on named_calls (started_at);
