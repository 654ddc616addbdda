//! `latchkey receipts` against a running server, and what other commands print of a receipt.

use super::{Cli, create_key, start};

#[tokio::test]
async fn revocations_print_since_when_they_are_effective() {
    let (_server, _, cli) = start().await;
    let (id, _) = create_key(&cli, "a").await;
    for arguments in [&["keys", "disable", &id][..], &["keys", "rotate", &id, "--grace", "0s"], &["keys", "delete", &id, "--yes"]] {
        let done = cli.run(arguments).await;
        assert!(
            done.exit == 0 && done.err.contains("Effective after ") && !done.out.contains("Effective"),
            "{arguments:?}: {} {}",
            done.out,
            done.err
        );
    }
    let (id, _) = create_key(&cli, "b").await;
    assert_eq!(cli.run(&["keys", "disable", &id, "--json"]).await.json()["status"], "disabled");
    let enabled = cli.run(&["keys", "enable", &id]).await;
    assert_eq!((enabled.exit, enabled.err.as_str()), (0, ""));
}

#[tokio::test]
async fn the_sentence_needs_the_scope_to_read_receipts() {
    let (server, _, cli) = start().await;
    let (id, _) = create_key(&cli, "a").await;
    let writer = Cli { key: server.api("owner@acme.test", "keys:write").key, ..cli };
    let disabled = writer.run(&["keys", "disable", &id]).await;
    assert_eq!((disabled.exit, disabled.err.as_str()), (0, ""), "{}", disabled.out);
}

#[tokio::test]
async fn a_receipt_is_shown_and_verified_with_saved_keys() {
    let (server, api, cli) = start().await;
    let (id, _) = create_key(&cli, "a").await;
    let deleted = api.request(reqwest::Method::DELETE, &format!("/keys/{id}")).send().await.unwrap();
    let receipt = deleted.headers()["x-latchkey-receipt"].to_str().unwrap().to_owned();
    let shown = cli.run(&["receipts", "get", &receipt]).await;
    assert!(shown.exit == 0 && shown.out.contains("key.deleted") && shown.out.contains(&id) && !shown.out.contains("signature"), "{}", shown.out);
    assert_eq!(cli.run(&["receipts", "get", &receipt, "--json"]).await.json()["id"], receipt);
    let folder = tempfile::tempdir().unwrap();
    for (name, path, exit, signature) in
        [("keys", "/.well-known/latchkey-receipts.json", 0, "signature  valid"), ("others", "/.well-known/jwks.json", 1, "signature  not valid")]
    {
        let file = folder.path().join(name);
        std::fs::write(&file, server.visitor().get(path).send().await.unwrap().bytes().await.unwrap()).unwrap();
        let verified = cli.run(&["receipts", "get", &receipt, "--verify", file.to_str().unwrap()]).await;
        assert!(verified.exit == exit && verified.out.contains(signature), "{}{}", verified.out, verified.err);
    }
    for (arguments, message) in
        [(&["receipts", "get", "key_1"][..], "invalid receipt id"), (&["receipts", "get", &receipt, "--verify", "/nowhere"], "can't read /nowhere")]
    {
        let failed = cli.run(arguments).await;
        assert!(failed.exit == 2 && failed.err.contains(message), "{}", failed.err);
    }
}
