//! `latchkey admin …`: commands that work on the data directly, for operators with access to the data folder.

use std::{
    io::{self, BufRead},
    path::PathBuf,
};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use secrecy::SecretString;

use super::{
    config::{DataOptions, OutgoingOptions},
    data_dir::Data,
    migrate_to,
};
use latchkey_core::{
    Core,
    accounts::{self, NewAccount},
    audit::{NotedHead, VerifiedLog},
    keys,
    master_key_rotation::{self, RotationResult},
    project_keys::signing,
    public_url::PublicUrl,
};
use latchkey_crypto::master_key::MasterKeySource;
use latchkey_store as store;
use latchkey_types::{
    error::Error,
    key::{CreateKeyRequest, RequestedExpiry},
    key_kind::{KeyKind, Kind},
    secret::RevealedSecret,
};

/// Options of `latchkey admin`.
#[derive(Args)]
pub struct AdminOptions {
    #[command(flatten)]
    data: DataOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    BesideServer(AdminCommand),
    /// Copy all data from SQLite to an empty PostgreSQL database and verify the copy; the server must be stopped
    MigrateTo {
        /// The PostgreSQL database: `postgres://USER:PASSWORD@HOST/NAME`; other users of the machine can see it, but not a password in PGPASSWORD
        #[arg(value_name = "URL")]
        url: String,
    },
}

/// Commands that run with or without a server.
#[derive(Subcommand)]
enum AdminCommand {
    /// Create a user; the password is read from standard input
    CreateUser {
        /// Email address to sign in with
        #[arg(long)]
        email: String,
        /// Name of the user
        #[arg(long)]
        name: String,
        /// Role in the organization
        #[arg(long)]
        role: RoleName,
        /// Organization [default: the only existing one]; created if it does not exist and the role is owner
        #[arg(long)]
        organization: Option<String>,
        /// Read the password from standard input
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Set a user's password, read from standard input, and end all sessions of the user
    ResetPassword {
        /// Email address of the user
        #[arg(long)]
        email: String,
        /// Read the password from standard input
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Create an internal key; prints only its secret
    CreateKey {
        /// Name of the key
        #[arg(long)]
        name: String,
        /// Days until the key expires
        #[arg(long, value_name = "D")]
        days: i64,
        /// Email address of the user who becomes the key's creator [default: the first owner]
        #[arg(long, value_name = "E")]
        user: Option<String>,
        /// Scopes, effective only while the user has the permissions they need [default: all scopes]
        #[arg(long, value_name = "S,…", value_delimiter = ',')]
        scopes: Option<Vec<String>>,
    },
    /// Back up the database to a new file, also while the server is running; the master key is not included
    Backup {
        /// File to create
        file: PathBuf,
    },
    /// Replace the master key; issued keys do not change
    RotateMasterKey,
    /// Sign new project keys with a new signing key; existing ones remain valid
    RotateSigningKey,
    /// Verify that no audit event was changed, removed or inserted
    VerifyAudit {
        /// Also verify that the log contains this end of it, as a line “audit head” of the server's log has it
        #[arg(long, value_name = "SEQ:MAC")]
        since: Option<NotedHead>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    Owner,
    Admin,
    Member,
    Viewer,
}

impl RoleName {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }
}

/// Runs a command. Errors are messages for the operator.
pub async fn run(options: AdminOptions) -> anyhow::Result<()> {
    let command = match options.command {
        Command::BesideServer(command) => command,
        Command::MigrateTo { url } => return migrate_to::run(&options.data, &url).await,
    };
    let data = Data::open_for_admin(&options.data).await?;
    let listen = ([127, 0, 0, 1], 3000).into();
    let core = data.core(PublicUrl::new(None, listen)?, OutgoingOptions::default())?;
    let result = execute(&core, command).await;
    data.store.close().await;
    result
}

async fn execute(core: &Core, command: AdminCommand) -> anyhow::Result<()> {
    match command {
        AdminCommand::CreateUser { email, name, role, organization, password_stdin: _ } => {
            let organization = organization_name(core, organization).await?;
            let account = NewAccount { organization, name, email: email.clone(), password: read_password()? };
            accounts::create_user(core, account, role.as_str()).await.map_err(to_message)?;
            println!("Created user {email}.");
        }
        AdminCommand::ResetPassword { email, password_stdin: _ } => {
            accounts::reset_password(core, &email, read_password()?).await.map_err(to_message)?;
            println!("Changed the password of {email} and ended all sessions.");
        }
        AdminCommand::CreateKey { name, days, user, scopes } => {
            let secret = create_key(core, name, days, user, scopes).await?;
            println!("{secret}", secret = secret.reveal());
        }
        AdminCommand::Backup { file } => {
            core.store.back_up(&file).await?;
            println!("Backed up the database to {}. Keep the master key in another place: the backup cannot be used without it.", file.display());
        }
        AdminCommand::RotateMasterKey => {
            let rewrapped = master_key_rotation::rotate(core).await?;
            println!(
                "Replaced {} for {} stored secrets. {}",
                core.vault.master_key_source().describe(),
                rewrapped.rewrapped,
                next_steps(core, rewrapped)
            );
        }
        AdminCommand::RotateSigningKey => {
            let kid = signing::rotate(core).await?;
            println!("New project keys are signed with {kid}. The previous signing key was deleted; keys signed with it remain valid.");
        }
        AdminCommand::VerifyAudit { since } => {
            let VerifiedLog { rows, unchained } = core.auditor.verify(&core.store, since.as_ref()).await?;
            let unchained = if unchained > 0 { format!(", and {unchained} events that are not chained yet") } else { String::new() };
            println!("The audit log is intact: {rows} rows{unchained}.");
        }
    }
    Ok(())
}

async fn organization_name(core: &Core, given: Option<String>) -> anyhow::Result<String> {
    if let Some(name) = given {
        return Ok(name);
    }
    match &store::users::list_organizations(&core.store).await?[..] {
        [(_, name)] => Ok(name.clone()),
        [] => anyhow::bail!("no organization exists yet: name one with --organization"),
        _ => anyhow::bail!("there are several organizations: name one with --organization"),
    }
}

async fn create_key(core: &Core, name: String, days: i64, user: Option<String>, scopes: Option<Vec<String>>) -> anyhow::Result<RevealedSecret> {
    let owner = match &user {
        Some(email) => {
            store::users::find_user_by_email(&core.store, email).await?.with_context(|| format!("no user has the email address {email}"))?
        }
        None => store::users::first_owner(&core.store).await?.context("no owner exists yet: create one with `latchkey admin create-user`")?,
    };
    let console = accounts::console_actor(&owner);
    let request = CreateKeyRequest { expiry: RequestedExpiry::Days(days), scopes, ..CreateKeyRequest::with_name(Kind::Key(KeyKind::Internal), name) };
    Ok(keys::create(core, &console, request).await.map_err(to_message)?.secret)
}

/// What the operator must do next.
fn next_steps(core: &Core, rewrapped: RotationResult) -> String {
    let next = match core.vault.master_key_source() {
        MasterKeySource::Folder(_) => "Back it up in another place. A running server picks it up automatically.",
        MasterKeySource::Environment { .. } => "Set LATCHKEY_MASTER_KEY to the value of LATCHKEY_NEW_MASTER_KEY and restart the server.",
    };
    let mut steps = next.to_owned();
    if rewrapped.is_in_log {
        steps += " The database's write-ahead log was in use and still contains keys wrapped under the old one: restart the server to empty it.";
    }
    match rewrapped.skipped {
        0 => steps,
        left => format!("{steps} {left} could not be decrypted before the rotation and were not changed."),
    }
}

/// Reads the first line of standard input; arguments are visible to all users of the machine.
fn read_password() -> anyhow::Result<SecretString> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("cannot read the password from standard input")?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line.into())
}

fn to_message(error: Error) -> anyhow::Error {
    match error.field_error() {
        Some((field, message)) => anyhow::anyhow!("{field}: {message}"),
        None => anyhow::anyhow!("{error}"),
    }
}
