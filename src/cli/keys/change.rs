//! Making, changing and deleting keys.

use clap::Args;
use reqwest::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    Context, key_id,
    traits::{Cleared, TraitOptions},
    view,
};
use crate::{
    cli::{client::Answer, input, print, trouble::Trouble},
    model::id::KeyId,
};

/// What to make.
#[derive(Debug, Args)]
pub(super) struct CreateOptions {
    /// Of which kind: platform, client, corpus or agent
    #[arg(long)]
    kind: String,
    /// Its name
    #[arg(long)]
    name: String,
    #[command(flatten)]
    traits: TraitOptions,
    /// The id of a corpus that it opens; may be given several times
    #[arg(long = "corpus", value_name = "ID")]
    corpora: Vec<i64>,
    /// Names this call, so that asking again after a lost answer makes no second key [default: a new name each time]
    #[arg(long, value_name = "NAME")]
    idempotency_key: Option<String>,
}

/// Makes a key and prints its secret.
pub(super) async fn create(context: &Context, options: &CreateOptions) -> Result<(), Trouble> {
    let mut call = options.traits.fields();
    call.insert("kind".to_owned(), json!(options.kind));
    call.insert("name".to_owned(), json!(options.name));
    if !options.corpora.is_empty() {
        call.insert("corpora".to_owned(), json!(options.corpora));
    }
    let name = options.idempotency_key.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
    let request = context.client.request(Method::POST, "keys").header("idempotency-key", name).json(&call);
    print_secret(context, context.client.send(request).await?, "is made")
}

/// The secret alone on standard output, so that `KEY=$(latchkey keys create …)` works.
fn print_secret(context: &Context, answer: Answer, done: &str) -> Result<(), Trouble> {
    if context.json {
        return print::line(&answer.text);
    }
    let key = view::named(&answer.json["key"]);
    // A call that was answered before is answered again, but for the secret, which nothing keeps.
    let secret = answer.json["secret"].as_str().ok_or_else(|| {
        Trouble::Refused(format!(
            "{key} was made by an earlier call of that name, and its secret was shown then: `latchkey keys rotate` gives another"
        ))
    })?;
    print::line(secret)?;
    print::note(&format!("{key} {done}. Its secret is shown this once."));
    Ok(())
}

/// What to change.
#[derive(Debug, Args)]
pub(super) struct EditOptions {
    /// The key's id: `key_…`
    id: String,
    /// Another name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    traits: TraitOptions,
    /// What to take from it; may be given several times
    #[arg(long, value_name = "WHAT")]
    clear: Vec<Cleared>,
}

impl EditOptions {
    fn fields(&self) -> Result<Map<String, Value>, Trouble> {
        let mut call = self.traits.fields();
        for (field, empty) in self.clear.iter().map(|cleared| cleared.field()) {
            if call.insert(field, empty).is_some_and(|given| !given.is_null() && given != json!([])) {
                return Err(Trouble::usage("the same can't be both given and cleared"));
            }
        }
        call.extend(self.name.iter().map(|name| ("name".to_owned(), json!(name))));
        if call.is_empty() { Err(Trouble::usage("say what to change: `latchkey keys edit --help` has the list")) } else { Ok(call) }
    }
}

/// Changes a key and shows what it is now.
pub(super) async fn edit(options: &EditOptions, context: impl FnOnce() -> Result<Context, Trouble>) -> Result<(), Trouble> {
    let (id, call) = (key_id(&options.id)?, options.fields()?);
    let context = context()?;
    let answer = context.client.send(context.client.request(Method::PATCH, &format!("keys/{id}")).json(&call)).await?;
    print::line(&if context.json { answer.text } else { view::facts(&answer.json) })
}

/// Puts a key to rest, or wakes it.
pub(super) async fn set(id: &KeyId, verb: &str, context: &Context) -> Result<(), Trouble> {
    let answer = context.client.send(context.client.request(Method::POST, &format!("keys/{id}/{verb}"))).await?;
    let sentence = || format!("{} is {}.", view::named(&answer.json), answer.json["status"].as_str().unwrap_or("changed"));
    print::line(&if context.json { answer.text.clone() } else { crate::cli::table::plain(&sentence()) })
}

/// How to rotate.
#[derive(Debug, Args)]
pub(super) struct RotateOptions {
    /// The key's id: `key_…`
    id: String,
    /// How long its present secret stays good: `24h`, at most `7d`; `0s` ends it at once
    #[arg(long, value_name = "SPAN", value_parser = input::span_ms)]
    grace: i64,
}

/// Gives a key another secret and prints it.
pub(super) async fn rotate(options: &RotateOptions, context: impl FnOnce() -> Result<Context, Trouble>) -> Result<(), Trouble> {
    let id = key_id(&options.id)?;
    if options.grace % 1000 != 0 {
        return Err(Trouble::usage("--grace takes whole seconds"));
    }
    let context = context()?;
    let call = json!({ "grace_seconds": options.grace / 1000 });
    let request = context.client.request(Method::POST, &format!("keys/{id}/rotate")).json(&call);
    print_secret(&context, context.client.send(request).await?, "has another secret")
}

/// Which keys to delete.
#[derive(Debug, Args)]
pub(super) struct DeleteOptions {
    /// Their ids: `key_…`
    #[arg(required = true)]
    ids: Vec<String>,
    /// Do not ask whether it is meant
    #[arg(long, short)]
    yes: bool,
}

/// Deletes keys one by one. One that the server refuses does not keep the others.
pub(super) async fn delete(options: &DeleteOptions, context: impl FnOnce() -> Result<Context, Trouble>) -> Result<(), Trouble> {
    let ids = options.ids.iter().map(|id| key_id(id)).collect::<Result<Vec<_>, _>>()?;
    // Without a key or an address there is nothing to ask about.
    let context = context()?;
    if !options.yes {
        let what = if let [id] = &ids[..] { id.to_string() } else { format!("{} keys", ids.len()) };
        input::confirm(&format!("Delete {what} for good?"))?;
    }
    let (mut deleted, mut trouble) = (Vec::new(), None);
    for id in &ids {
        match context.client.send(context.client.request(Method::DELETE, &format!("keys/{id}"))).await {
            Ok(_) => deleted.push(id.to_string()),
            Err(Trouble::Refused(why)) => {
                trouble = match trouble {
                    Some(Trouble::Refused(before)) => Some(Trouble::Refused(format!("{before}; {id}: {why}"))),
                    _ => Some(Trouble::Refused(format!("{id}: {why}"))),
                };
            }
            Err(away) => {
                trouble = Some(away);
                break;
            }
        }
    }
    if context.json {
        print::line(&json!({ "deleted": deleted }).to_string())?;
    } else if !deleted.is_empty() {
        print::line(&format!("Deleted {}.", deleted.join(", ")))?;
    }
    trouble.map_or(Ok(()), Err)
}
