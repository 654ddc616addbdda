-- Limits of a key. The kind specification says which limits a kind can have.

-- JSON: [{"name", "limit", "duration_ms"}].
alter table api_keys add column rate_limits text;

-- CIDR networks, separated by spaces. Null: any address.
alter table api_keys add column allowed_ips text;

-- Credits that are left and not reserved by an instance. Null: unlimited.
alter table api_keys add column credits_remaining bigint;

-- 'never', 'daily' or 'monthly'.
alter table api_keys add column credits_refill text;

-- The amount that a refill restores.
alter table api_keys add column credits_amount bigint;

-- Start of the day or month in which they were last set or refilled: Unix milliseconds.
alter table api_keys add column credits_refilled_at bigint;

-- Incremented whenever a user sets the credits, which invalidates earlier reservations.
alter table api_keys add column credits_version bigint;
