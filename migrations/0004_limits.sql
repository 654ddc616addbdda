-- What limits a key. Only the kinds whose row in the policy table says so have any of it.

-- JSON: [{"name", "limit", "duration_ms"}].
alter table api_keys add column rate_limits text;

-- Networks in CIDR notation, separated by blanks. Null: every address.
alter table api_keys add column allowed_ips text;

-- What is left and reserved by no process. Null: without end.
alter table api_keys add column credits_remaining bigint;

-- 'never', 'daily' or 'monthly'.
alter table api_keys add column credits_refill text;

-- To what a refill brings them.
alter table api_keys add column credits_amount bigint;

-- The beginning of the day or month in which they were set or refilled last: Unix milliseconds.
alter table api_keys add column credits_refilled_at bigint;

-- Counted up whenever somebody sets them: what was reserved before is void.
alter table api_keys add column credits_version bigint;
