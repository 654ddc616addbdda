-- Receipts: signed proofs of when a revocation became effective on which instances. Kept for 90 days.
create table receipts (
    -- `rcp_…`.
    id text primary key not null,
    organization_id text not null references organizations (id),
    -- When the change was committed.
    committed_at bigint not null,
    -- When every instance enforced it.
    effective_at bigint not null,
    -- Milliseconds between the two, measured with a clock that is never set.
    took_ms bigint not null,
    -- JSON: {"action", "objects": [{"kind", "id"}]}.
    change text not null,
    -- JSON: [{"id", "name", "confirmed_at" or "lease_ended_at"}].
    instances text not null,
    -- The signed form (RFC 7515), and the id of its key.
    jws text not null,
    kid text not null
);

create index receipts_by_committed_at on receipts (committed_at);

-- Ed25519. The private half of the current one is in the keyring as `receipt <kid>`; retired ones have none, and are kept as long as a receipt
-- that they verify.
create table receipt_keys (
    kid text primary key not null,
    public_key bytea not null,
    created_at bigint not null,
    retired_at bigint
);
