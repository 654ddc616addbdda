//! The instances that share the database.

use super::{Core, actor::Actor};
use latchkey_store::{self as store, instance_records::InstanceRecord};
use latchkey_types::{
    error::Error,
    id::InstanceId,
    instance::{InstanceRow, LeaseState},
    permission::Permission,
    time::Timestamp,
};

/// For how long an instance that has ended is listed.
const ENDED_SHOWN_MS: i64 = 60 * 60 * 1000;

/// The instances that accept keys, and those that have lately ceased to. Needs *Manage Organization*. Contains nothing about an organization: all
/// share the instances.
pub async fn list(core: &Core, actor: &Actor) -> Result<Vec<InstanceRow>, Error> {
    actor.require(Permission::ManageOrganization)?;
    let own = core.store.instance();
    if !core.store.is_shared() {
        let (name, version) = (own.name.clone(), own.version.clone());
        let row = InstanceRow { id: own.id, name, version, started_at: own.started_at, lease: LeaseState::NotNeeded, lag_ms: None, is_own: true };
        return Ok(vec![row]);
    }
    let ended_after = Timestamp::now().plus_ms(-ENDED_SHOWN_MS);
    let records = store::instance_records::list(&core.store, ended_after).await?;
    Ok(records.into_iter().map(|record| row(record, own.id)).collect())
}

fn row(record: InstanceRecord, own: InstanceId) -> InstanceRow {
    let InstanceRecord { id, name, version, started_at, lag_ms, ended_at } = record;
    let lease = ended_at.map_or(LeaseState::Held, |at| LeaseState::Ended { at });
    InstanceRow { id, name, version, started_at, lease, lag_ms: Some(lag_ms).filter(|_| ended_at.is_none()), is_own: id == own }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_that_has_ended_has_no_lag() {
        let (own, other) = (InstanceId::new(), InstanceId::new());
        let record = |id, ended_at| InstanceRecord {
            id,
            name: "web-1:3000".to_owned(),
            version: "0.1.0".to_owned(),
            started_at: Timestamp(1),
            lag_ms: 12,
            ended_at,
        };
        let (held, ended) = (row(record(own, None), own), row(record(other, Some(Timestamp(2))), own));
        assert_eq!((held.lease, held.lag_ms, held.is_own), (LeaseState::Held, Some(12), true));
        assert_eq!((ended.lease, ended.lag_ms, ended.is_own), (LeaseState::Ended { at: Timestamp(2) }, None, false));
    }
}
