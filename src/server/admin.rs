//! `latchkey admin …`: commands beside the data, for whoever may read the data folder.

use std::{
    io::{self, BufRead},
    path::PathBuf,
};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use secrecy::SecretString;

use super::{
    accounts::{self, NewAccount},
    config::{DataOptions, OutgoingOptions, PublicUrl},
    data::Data,
    keys,
    master_key::KeyPlace,
    project_keys::signing,
    rotation::{self, Rewrapped},
    state::AppState,
    store,
};
use crate::model::{
    fault::Fault,
    key::{Ends, WantedKey},
    policy::{KeyKind, Kind},
    secret::RevealedSecret,
};

/// Where the data is, and what to do with it.
#[derive(Args)]
pub struct AdminOptions {
    #[command(flatten)]
    data: DataOptions,
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Make a user; the password is read from standard input
    CreateUser {
        /// What they sign in with
        #[arg(long)]
        email: String,
        /// Their name
        #[arg(long)]
        name: String,
        /// What they may do
        #[arg(long)]
        role: RoleName,
        /// Their organization [default: the only one there is]; made, if there is none of this name, for an owner
        #[arg(long)]
        organization: Option<String>,
        /// Says that the password comes from standard input
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Give a user another password, read from standard input, and end their sessions
    ResetPassword {
        /// What they sign in with
        #[arg(long)]
        email: String,
        /// Says that the password comes from standard input
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Make a platform key; its secret alone is printed
    CreateKey {
        /// Its name
        #[arg(long)]
        name: String,
        /// After how many days it ends
        #[arg(long, value_name = "D")]
        days: i64,
        /// The e-mail address of the user for whom it acts [default: the first owner]
        #[arg(long, value_name = "E")]
        user: Option<String>,
        /// What it may be used for, never more than the user may at that moment [default: every scope]
        #[arg(long, value_name = "S,…", value_delimiter = ',')]
        scopes: Option<Vec<String>>,
    },
    /// Copy the database to a new file, also while a server works in it; the master key is not in it
    Backup {
        /// The new file
        file: PathBuf,
    },
    /// Put a new master key in the place of the one in use; no issued key changes
    RotateMasterKey,
    /// Sign project keys with a new key from now on; those that were signed before stay good
    RotateSigningKey,
    /// Check that nothing in the audit log was changed, removed or inserted
    VerifyAudit,
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    Owner,
    Admin,
    Member,
    Viewer,
}

impl RoleName {
    const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }
}

/// Runs a command. Works beside a running server, and alone.
///
/// # Errors
/// A sentence for the operator.
pub async fn run(options: AdminOptions) -> anyhow::Result<()> {
    let data = Data::open_beside(&options.data).await?;
    let listen = ([127, 0, 0, 1], 3000).into();
    let state = AppState::new(&data, PublicUrl::new(None, listen)?, Vec::new(), OutgoingOptions::default())?;
    let done = carry_out(&state, options.command).await;
    data.store.close().await;
    done
}

async fn carry_out(state: &AppState, command: AdminCommand) -> anyhow::Result<()> {
    match command {
        AdminCommand::CreateUser { email, name, role, organization, password_stdin: _ } => {
            let organization = organization_name(state, organization).await?;
            let account = NewAccount { organization, name, email: email.clone(), password: read_password()? };
            accounts::create_user(state, account, role.word()).await.map_err(in_words)?;
            println!("{email} can sign in now.");
        }
        AdminCommand::ResetPassword { email, password_stdin: _ } => {
            accounts::reset_password(state, &email, read_password()?).await.map_err(in_words)?;
            println!("{email} has a new password; their sessions have ended.");
        }
        AdminCommand::CreateKey { name, days, user, scopes } => {
            let secret = create_key(state, name, days, user, scopes).await?;
            println!("{secret}", secret = secret.reveal());
        }
        AdminCommand::Backup { file } => {
            state.store.back_up(&file).await?;
            println!("The database is in {}. Keep the master key elsewhere: without it this copy can't be opened.", file.display());
        }
        AdminCommand::RotateMasterKey => {
            let done = rotation::rotate(state).await?;
            println!("{} is another one now, for {} stored secrets. {}", state.vault.place().describe(), done.keys, what_now(state, done));
        }
        AdminCommand::RotateSigningKey => {
            let kid = signing::rotate(state).await?;
            println!("Project keys are signed with {kid} from now on. The key before it is gone; what it has signed stays good.");
        }
        AdminCommand::VerifyAudit => {
            let rows = state.auditor.verify(&state.store).await?;
            println!("The audit log is whole: {rows} rows.");
        }
    }
    Ok(())
}

async fn organization_name(state: &AppState, given: Option<String>) -> anyhow::Result<String> {
    if let Some(name) = given {
        return Ok(name);
    }
    match &store::people::organizations(&state.store).await?[..] {
        [(_, name)] => Ok(name.clone()),
        [] => anyhow::bail!("there is no organization yet: name one with --organization"),
        _ => anyhow::bail!("there are several organizations: name one with --organization"),
    }
}

async fn create_key(state: &AppState, name: String, days: i64, user: Option<String>, scopes: Option<Vec<String>>) -> anyhow::Result<RevealedSecret> {
    let owner = match &user {
        Some(email) => store::people::user_by_email(&state.store, email).await?.with_context(|| format!("nobody has the email address {email}"))?,
        None => store::people::first_owner(&state.store).await?.context("there is no owner yet: make one with `latchkey admin create-user`")?,
    };
    let console = accounts::console(&owner).map_err(in_words)?;
    let wanted = WantedKey { ends: Ends::Days(days), scopes, ..WantedKey::named(Kind::Key(KeyKind::Platform), name) };
    Ok(keys::create(state, &console, wanted).await.map_err(in_words)?.secret)
}

/// What the operator has to do next.
fn what_now(state: &AppState, done: Rewrapped) -> String {
    let next = match state.vault.place() {
        KeyPlace::Folder(_) => "Keep a copy of it elsewhere; a running server takes it over by itself.",
        KeyPlace::Environment { .. } => "Put LATCHKEY_NEW_MASTER_KEY in its place and restart the server.",
    };
    match done.left {
        0 => next.to_owned(),
        left => format!("{next} {left} did not open before either, and were left as they are."),
    }
}

/// The first line of standard input: never an argument, which everybody on the machine would see.
fn read_password() -> anyhow::Result<SecretString> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("the password can't be read from standard input")?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line.into())
}

fn in_words(fault: Fault) -> anyhow::Error {
    match fault.about_field() {
        Some((field, message)) => anyhow::anyhow!("{field}: {message}"),
        None => anyhow::anyhow!("{fault}"),
    }
}
