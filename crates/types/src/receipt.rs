//! What a caller learns of the receipt of a revocation.

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _},
};
use serde_json::value::RawValue;

use super::{id::ReceiptId, number::format_integer};

/// Response header with the ids of receipts, separated by commas.
pub const RECEIPT_HEADER: &str = "x-latchkey-receipt";

/// Since when a revocation is effective, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptSummary {
    pub id: ReceiptId,
    /// Number of instances that enforce the change.
    pub instances: u32,
    /// Number of instances that did not answer, and whose lease ended.
    pub ended: u32,
    /// Time from the commit until every instance enforced the change.
    pub ms: i64,
}

impl ReceiptSummary {
    /// The summary of several changes that were made one after the other: the longest time and the fewest instances. `None` without a change.
    pub fn of_all(summaries: impl IntoIterator<Item = Self>) -> Option<Self> {
        summaries.into_iter().reduce(|one, other| Self {
            id: other.id,
            instances: one.instances.min(other.instances),
            ended: one.ended.max(other.ended),
            ms: one.ms.max(other.ms),
        })
    }

    /// A sentence for the user.
    pub fn sentence(&self) -> String {
        let after = format!("after {} ms", format_integer(self.ms));
        let instances = match (self.instances, self.ended) {
            (0, _) | (1, 0) => String::new(),
            (1, _) => "on 1 instance ".to_owned(),
            (many, _) => format!("on {} instances ", format_integer(many.into())),
        };
        match self.ended {
            0 => format!("Effective {instances}{after}."),
            1 => format!("Effective {instances}{after}; 1 did not answer and no longer accepts keys."),
            many => format!("Effective {instances}{after}; {} did not answer and no longer accept keys.", format_integer(many.into())),
        }
    }
}

/// The response of a function that can take access away.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct WithReceipt<T> {
    #[serde(flatten)]
    pub value: T,
    /// `None` if nothing was taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptSummary>,
}

/// The value of a function that returns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Done {}

/// Of a change that takes nothing away.
impl<T> From<T> for WithReceipt<T> {
    fn from(value: T) -> Self {
        Self { value, receipt: None }
    }
}

impl<T> WithReceipt<T> {
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> WithReceipt<U> {
        WithReceipt { value: map(self.value), receipt: self.receipt }
    }
}

/// Parses the text once for each part: `flatten` would compile the parsers of all values a second time, for the browser too.
impl<'de, T: DeserializeOwned> Deserialize<'de> for WithReceipt<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct ReceiptPart {
            receipt: Option<ReceiptSummary>,
        }
        let json = Box::<RawValue>::deserialize(deserializer)?;
        let value = serde_json::from_str(json.get()).map_err(D::Error::custom)?;
        let ReceiptPart { receipt } = serde_json::from_str(json.get()).map_err(D::Error::custom)?;
        Ok(Self { value, receipt })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn summary(instances: u32, ended: u32, ms: i64) -> ReceiptSummary {
        ReceiptSummary { id: ReceiptId::new(), instances, ended, ms }
    }

    #[test]
    fn a_sentence_says_where_and_when() {
        for (instances, ended, ms, sentence) in [
            (1, 0, 0, "Effective after 0 ms."),
            (3, 0, 12, "Effective on 3 instances after 12 ms."),
            (1, 1, 1050, "Effective on 1 instance after 1,050 ms; 1 did not answer and no longer accepts keys."),
            (2, 1, 1050, "Effective on 2 instances after 1,050 ms; 1 did not answer and no longer accepts keys."),
            (2, 2, 1050, "Effective on 2 instances after 1,050 ms; 2 did not answer and no longer accept keys."),
            (0, 1, 1050, "Effective after 1,050 ms; 1 did not answer and no longer accepts keys."),
        ] {
            assert_eq!(summary(instances, ended, ms).sentence(), sentence);
        }
    }

    #[test]
    fn several_changes_are_summarized_as_the_slowest() {
        let (one, other) = (summary(3, 0, 12), summary(2, 1, 7));
        assert_eq!(ReceiptSummary::of_all([one, other]), Some(ReceiptSummary { id: other.id, instances: 2, ended: 1, ms: 12 }));
        assert_eq!(ReceiptSummary::of_all([]), None);
    }

    #[test]
    fn a_value_round_trips_with_and_without_its_receipt() {
        let receipt = summary(1, 0, 2);
        for (receipt, json) in [(None, json!({})), (Some(receipt), json!({ "receipt": receipt }))] {
            let done = WithReceipt { value: Done {}, receipt };
            assert_eq!(serde_json::to_value(&done).unwrap(), json);
            assert_eq!(serde_json::from_str::<WithReceipt<Done>>(&json.to_string()).unwrap(), done);
        }
        let value = json!({ "name": "a", "receipt": receipt });
        let parsed: WithReceipt<std::collections::BTreeMap<String, serde_json::Value>> = serde_json::from_str(&value.to_string()).unwrap();
        assert_eq!((parsed.value["name"].as_str(), parsed.receipt), (Some("a"), Some(receipt)));
    }
}
