//! Tests of faults: crashes, full disks, slow and hostile clients; and what only PostgreSQL has. Short forms run with every test run; `LATCHKEY_SOAK=1` runs the long forms.
#![allow(unreachable_pub, dead_code, reason = "the helpers of the integration tests are shared")]

mod budgets;
mod call_log;
mod cluster;
mod crash;
mod disk;
mod installation;
mod instances;
mod leases;
mod load;
mod malformed;
mod namespace;
mod network;
mod postgres;
mod process;
mod report;
mod restore;
mod revocations;
mod schema;
mod slow_clients;
mod upgrade;
mod workload;
mod writers;

#[path = "../support/mod.rs"]
mod support;
