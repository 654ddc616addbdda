//! Providers of language models: listing the models costs nothing and tells whether the key is taken.

use reqwest::{Method, RequestBuilder, header};
use secrecy::SecretString;
use serde::{Deserialize, de::IgnoredAny};
use url::Url;

use super::{Finding, secret_header};
use crate::{
    model::provider::Style,
    server::{
        outgoing::{Answer, Outgoing},
        store::providers::Destination,
    },
};

/// The version of Anthropic's API that is spoken. <https://docs.anthropic.com/en/api/versioning>
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// A list of models, as both styles write it.
#[derive(Deserialize)]
struct ModelList {
    #[serde(rename = "data")]
    _models: Vec<IgnoredAny>,
}

pub(super) async fn test(outgoing: &Outgoing, to: &Destination, key: &SecretString) -> Finding {
    let Some(request) = to.style.parse().ok().and_then(|style| request(outgoing, style, &to.base_url, key)) else {
        return Finding::unchecked(format!("The address of {} can't be read. Enter it anew.", to.name));
    };
    match outgoing.send(request).await {
        Ok(answer) => judge(&to.name, &answer),
        Err(failure) => Finding::failed(&to.name, failure),
    }
}

fn request(outgoing: &Outgoing, style: Style, base: &str, key: &SecretString) -> Option<RequestBuilder> {
    let get = |address: String| Url::parse(&address).ok().map(|url| outgoing.request(Method::GET, url));
    Some(match style {
        Style::Openai => get(format!("{base}/models"))?.header(header::AUTHORIZATION, secret_header("Bearer ", key)?),
        // Its documents leave the version out of the address; who puts it in means the same.
        Style::Anthropic => get(format!("{}/v1/models", base.strip_suffix("/v1").unwrap_or(base)))?
            .header("x-api-key", secret_header("", key)?)
            .header("anthropic-version", ANTHROPIC_VERSION),
    })
}

fn judge(who: &str, answer: &Answer) -> Finding {
    match answer.status {
        401 | 403 => Finding::refused(who),
        200 if serde_json::from_slice::<ModelList>(&answer.body).is_ok() => Finding::works(who),
        status => Finding::strange(who, status),
    }
}
