use std::sync::Arc;

use latchkey_crypto::receipt_token::{ReceiptClaims, ReceiptVerifier};
use latchkey_store::Effect;
use latchkey_test_db::TestData;
use latchkey_types::{
    id::{KeyId, OrganizationId},
    permission::Permissions,
    rest::receipts::ReceiptInstance,
};
use latchkey_verify::{join_instances, watch_changes};
use serde_json::json;

use super::*;
use crate::testing::{new_core, new_owner};

/// An organization with an owner.
struct Fixture {
    core: Core,
    actor: Actor,
    _data: TestData,
}

impl Fixture {
    async fn new() -> Self {
        let (core, data) = new_core().await;
        let actor = new_owner(&core).await;
        if core.store.is_shared() {
            // Confirms changes until the test ends.
            join_instances(&core.store, &core.verifier).await.unwrap();
            tokio::spawn(watch_changes(core.store.clone(), Arc::clone(&core.verifier)));
        }
        Self { core, actor, _data: data }
    }

    /// A change of the owner, which takes access away or not.
    async fn change(&self, takes_access: bool) -> Vec<ReceiptSummary> {
        let mut change = self.core.begin(&self.actor, &[]).await.unwrap();
        if takes_access {
            store::members::set_disabled(&mut change.tx, self.actor.user, Some(Timestamp::now())).await.unwrap();
        }
        let event = change.event("user.disabled", "user", self.actor.user, "Ada");
        let (committed, receipts) = collect(Box::pin(change.commit([event]))).await;
        committed.unwrap();
        receipts
    }

    async fn verify(&self, jws: &str) -> Option<ReceiptClaims> {
        let keys = public_keys(&self.core).await.unwrap();
        ReceiptVerifier::from_key_set(&json!({ "keys": &*keys }).to_string()).unwrap().verify(jws)
    }

    /// Issues the receipt of a change that was committed at this time.
    async fn issue(&self, committed_at: Timestamp) -> Receipt {
        let objects = vec![ReceiptObject { kind: "key".to_owned(), id: KeyId::new().to_string() }];
        let change = ReceiptChange { action: "key.deleted".to_owned(), objects };
        let effect = Effect { committed_at, effective_at: committed_at, took_ms: 0, instances: Vec::new() };
        let ((), receipts) = collect(self.core.receipt_issuer.issue(self.actor.organization, change, effect)).await;
        get(&self.core, &self.actor, receipts[0].id).await.unwrap()
    }

    async fn is_stored(&self, receipt: &Receipt) -> bool {
        get(&self.core, &self.actor, receipt.id).await.is_ok()
    }
}

#[tokio::test]
async fn a_change_that_takes_access_away_has_a_receipt() {
    let fixture = Fixture::new().await;
    assert!(fixture.change(false).await.is_empty());
    let summaries = fixture.change(true).await;
    let [ReceiptSummary { id, instances: 1, ended: 0, ms }] = summaries[..] else { panic!("{summaries:?}") };
    let receipt = get(&fixture.core, &fixture.actor, id).await.unwrap();
    let object = ReceiptObject { kind: "user".to_owned(), id: fixture.actor.user.to_string() };
    assert_eq!(receipt.change, ReceiptChange { action: "user.disabled".to_owned(), objects: vec![object] });
    assert_eq!((receipt.id, receipt.took_ms, receipt.instances.len()), (id, ms, 1));
    let [ReceiptInstance { confirmed_at: Some(confirmed_at), lease_ended_at: None, .. }] = receipt.instances[..] else { panic!("{receipt:?}") };
    assert!(receipt.committed_at <= confirmed_at && confirmed_at <= receipt.effective_at, "{receipt:?}");
    let claims = fixture.verify(&receipt.jws).await.unwrap();
    assert_eq!((claims.jti, claims.org, claims.change), (id, fixture.actor.organization, receipt.change));
    assert_eq!((claims.committed_at, claims.effective_at), (receipt.committed_at.0, receipt.effective_at.0));
    assert_eq!(claims.instances.iter().map(|instance| instance.confirmed_at).collect::<Vec<_>>(), [Some(confirmed_at.0)]);
}

#[tokio::test]
async fn a_receipt_is_read_in_its_own_organization_only() {
    let fixture = Fixture::new().await;
    let id = fixture.change(true).await[0].id;
    let other = Actor { organization: OrganizationId::new(), ..fixture.actor.clone() };
    assert_eq!(get(&fixture.core, &other, id).await, Err(Error::NotFound));
    assert_eq!(get(&fixture.core, &fixture.actor, ReceiptId::new()).await, Err(Error::NotFound));
    for permission in Permission::ALL {
        let actor = Actor { permissions: Permissions::of(&[*permission]), ..fixture.actor.clone() };
        assert_eq!(get(&fixture.core, &actor, id).await.is_ok(), *permission == Permission::ViewKeys, "{permission:?}");
    }
}

#[tokio::test]
async fn concurrent_changes_have_receipts_of_the_same_key() {
    let fixture = Fixture::new().await;
    let now = Timestamp::now();
    let (one, other, third) = tokio::join!(fixture.issue(now), fixture.issue(now), fixture.issue(now));
    for receipt in [one, other, third] {
        assert!(fixture.verify(&receipt.jws).await.is_some());
    }
    assert_eq!(public_keys(&fixture.core).await.unwrap().len(), 1);
}

#[tokio::test]
async fn receipts_and_their_keys_last_90_days() {
    let fixture = Fixture::new().await;
    let (store, keys) = (&fixture.core.store, fixture.core.receipt_issuer.keys());
    let now = Timestamp::now();
    let first = fixture.issue(now).await;
    let replaced_at = now.plus_days(KEPT_DAYS + 1);
    let mut tx = store.begin().await.unwrap();
    assert!(!keys.current(&mut tx, &fixture.core.vault, now).await.unwrap().is_new);
    assert!(keys.current(&mut tx, &fixture.core.vault, replaced_at).await.unwrap().is_new);
    tx.commit().await.unwrap();
    let second = fixture.issue(replaced_at).await;
    for (cleaned_at, kept, published) in [
        (now.plus_days(KEPT_DAYS), [true, true], 2),
        (now.plus_days(KEPT_DAYS).plus_ms(1), [false, true], 2),
        (replaced_at.plus_days(KEPT_DAYS), [false, true], 2),
        (replaced_at.plus_days(KEPT_DAYS).plus_ms(1), [false, false], 1),
    ] {
        delete_old(store, cleaned_at).await.unwrap();
        keys.reread().await;
        assert_eq!([fixture.is_stored(&first).await, fixture.is_stored(&second).await], kept);
        assert_eq!(public_keys(&fixture.core).await.unwrap().len(), published);
    }
    assert!(fixture.verify(&first.jws).await.is_none(), "its public key is deleted too");
}

#[tokio::test]
async fn an_altered_public_key_is_replaced() {
    let fixture = Fixture::new().await;
    let core = &fixture.core;
    let mut tx = core.store.begin().await.unwrap();
    let wrapped = core.vault.wrap(&mut tx, "receipt altered", &[7; 32].into()).await.unwrap();
    store::keyring::insert(&mut tx, &wrapped).await.unwrap();
    store::receipts::insert_key(&mut tx, "altered", &[7; 32], Timestamp::now()).await.unwrap();
    tx.commit().await.unwrap();
    let receipt = fixture.issue(Timestamp::now()).await;
    assert!(fixture.verify(&receipt.jws).await.is_some());
}
