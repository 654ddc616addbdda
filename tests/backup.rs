//! `latchkey admin backup`.

use std::{fs, os::unix::fs::PermissionsExt, process::Output};

use tempfile::TempDir;

use crate::{
    master_key::{store_continuously, store_general},
    support::{TestServer, credentials::decrypt_all, data_options, latchkey},
};

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn backup_taken_during_writes_opens_with_the_master_key() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    for number in 0..20 {
        store_general(&api, &format!("before-{number}")).await;
    }
    let file = server.data.path().join("copy.db");
    let (_, writer) = store_continuously(&api, "during");
    let (arguments, folder) = (["admin", "backup", file.to_str().unwrap()].map(ToOwned::to_owned), server.data.path().to_owned());
    let run = move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        latchkey(&folder, &arguments, "")
    };
    let backup = tokio::task::spawn_blocking(run.clone()).await.unwrap();
    assert!(backup.status.success(), "{backup:?}");
    assert!(!writer.is_finished());
    writer.abort();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = fs::read(&file).unwrap();
    let again = run();
    assert!(!again.status.success() && stderr(&again).contains("already exists"), "{again:?}");
    assert_eq!(fs::read(&file).unwrap(), bytes, "the existing file is unchanged");

    let restored = TempDir::new().unwrap();
    fs::copy(&file, restored.path().join("latchkey.db")).unwrap();
    let without_key = latchkey(restored.path(), &["admin", "verify-audit"], "");
    assert!(stderr(&without_key).contains("master key is missing"), "{without_key:?}");
    fs::copy(server.data.path().join("master.key"), restored.path().join("master.key")).unwrap();
    let secrets = decrypt_all(&data_options(restored.path())).await;
    assert!(secrets.len() >= 20 && secrets.iter().all(|(name, secret)| *secret == format!("sk-{name}-0123456789")), "{}", secrets.len());
    let verified = latchkey(restored.path(), &["admin", "verify-audit"], "");
    assert!(verified.status.success(), "{verified:?}");

    let unwritable = latchkey(server.data.path(), &["admin", "backup", "/nowhere/copy.db"], "");
    assert!(!unwritable.status.success() && stderr(&unwritable).contains("cannot create"), "{unwritable:?}");
}
