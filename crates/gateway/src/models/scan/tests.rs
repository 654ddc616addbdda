use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;

fn error(body: &str) -> RequestError {
    scan(body.as_bytes()).unwrap_err()
}

fn unbounded(body: &str) -> Option<&'static str> {
    scan(body.as_bytes()).unwrap().unbounded()
}

fn is_malformed(body: &[u8]) -> bool {
    matches!(scan(body), Err(RequestError::Malformed(_)))
}

#[test]
fn fields_are_found_with_their_positions() {
    let body = br#" { "a": {"model": "inner"}, "model" : "gpt" ,"n":null,"stream_options":{"x":[],"include_usage": false}} "#;
    let fields = scan(body).unwrap();
    assert_eq!(fields.raw("model"), Some(br#""gpt""#.as_slice()));
    assert_eq!(&body[fields.span("model").unwrap()], br#""gpt""#);
    assert_eq!((fields.raw("n"), fields.span("n").is_some()), (None, true));
    assert_eq!(&body[fields.include_usage().unwrap()], b"false");
    assert_eq!(fields.raw("stream"), None);
}

#[test]
fn a_repeated_field_is_refused() {
    assert_eq!(error(r#"{"model":"a","x":1,"model":"a"}"#), RequestError::Duplicate("model"));
    assert_eq!(error(r#"{"stream_options":{"include_usage":true,"include_usage":false}}"#), RequestError::Duplicate("include_usage"));
    assert_eq!(error(r#"{"input":[{"type":"message","id":"a","type":null}]}"#), RequestError::Duplicate("type"));
    assert!(scan(br#"{"x":1,"x":2,"y":{"model":"a"},"model":"b","input":[{"type":"text"},{"type":"text"}]}"#).is_ok());
}

#[test]
fn another_spelling_of_a_field_is_refused() {
    for (body, name) in [
        (r#"{"mod\u0065l":"a"}"#, "model"),
        (r#"{"Max_Tokens":9}"#, "max_tokens"),
        ("{\"max_to\u{212a}ens\":9}", "max_tokens"),
        (r#"{"\u017ftream":true}"#, "stream"),
        (r#"{"messages":[{"content":[{"TYPE":"image"}]}]}"#, "type"),
        (r#"{"messages":[{"content":[{"t\u0079pe":"image"}]}]}"#, "type"),
        (r#"{"input":[{"\u0069d":"msg_1"}]}"#, "id"),
        (r#"{"input":[{"encrypted_conten\u0074":null}]}"#, "encrypted_content"),
        (r#"{"stream_options":{"Include_usage":true}}"#, "include_usage"),
    ] {
        assert_eq!(error(body), RequestError::Escaped(name), "{body}");
    }
    assert!(scan(r#"{"\u00e4":1,"Ä":2,"\ud800":3,"X-Y":4,"metadata":{"Type":"x"}}"#.as_bytes()).is_ok());
}

#[test]
fn bodies_that_are_not_objects_are_malformed() {
    for body in
        ["", " ", "[]", "1", "null", "{", "{}x", "{}{}", "{,}", r#"{"a"}"#, r#"{"a":}"#, r#"{"a":1,}"#, "\u{feff}{}", "{a:1}", r#"{"a":1 "b":2}"#]
    {
        assert!(is_malformed(body.as_bytes()), "{body}");
    }
    assert!(is_malformed(b"{\"a\":\"\xff\"}"));
}

#[test]
fn values_follow_the_grammar() {
    let text = [r#""\x""#, r#""\u12g4""#, r#""\u123"#, "\"\n\"", "\"a", "'a'"];
    for value in ["01", "1.", ".5", "1e", "+1", "-", "tru", "nul", "True", "NaN", "[1,]", "[1 2]"].into_iter().chain(text) {
        assert!(is_malformed(format!("{{\"a\":{value}}}").as_bytes()), "{value}");
    }
    for value in ["0", "-0", "10.05E+7", "1e-2", "true", "[ ]", "[1 , {}]", r#""\u00e9\\\"\/""#, "\"\u{7f}ä\"", "\"\""] {
        assert!(scan(format!("{{\"a\":{value}}}").as_bytes()).is_ok(), "{value}");
    }
}

#[test]
fn nesting_is_limited() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(scan(nested(DEPTH_MAX - 1).as_bytes()).is_ok());
    assert!(is_malformed(nested(DEPTH_MAX).as_bytes()));
    assert!(is_malformed(nested(1_000_000).as_bytes()));
}

#[test]
fn text_and_functions_are_bounded() {
    for body in [
        r#"{"messages":[{"role":"user","content":"\"type\":\"image\""}]}"#,
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]}"#,
        r#"{"tools":[{"type":"function","function":{"parameters":{"properties":{"file_id":{"type":"string"},"x":{"type":["a","b"]}}}}}]}"#,
        r#"{"messages":[{"content":[{"type":"tool_use","id":"a","name":"grep","input":{"type":"rust","image_url":"x"}}]}]}"#,
        r#"{"response_format":{"type":"json_schema","json_schema":{"type":"made up"}},"tool_choice":{"type":"any"}}"#,
        r#"{"messages":[{"content":[{"type":"document","source":{"type":"text","data":"a"}}]}],"thinking":{"type":"adaptive"}}"#,
        r#"{"input":[{"type":"message","content":[{"type":"input_text","text":"a"}]},{"type":"function_call_output","output":"a"}]}"#,
        r#"{"messages":[{"content":"a","image_url":null,"file_id":null}]}"#,
        r#"{"input":[{"id":"msg_1","role":"user","content":"a"},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"a"}]}"#,
        r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"call_1","function":{"name":"f","arguments":"{}"}}]}]}"#,
        r#"{"guided_json":{"properties":{"id":{"type":"string"},"ID":{"type":"string"}}}}"#,
    ] {
        assert_eq!(unbounded(body), None, "{body}");
    }
}

#[test]
fn files_images_and_server_tools_are_unbounded() {
    for (body, reason) in [
        (r#"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"https://a"}}]}]}"#, "an image"),
        (r#"{"messages":[{"content":[{"image_url":{"url":"https://a"}}]}]}"#, "an image"),
        (r#"{"messages":[{"content":[{"type":"image","source":{"type":"base64","data":"a"}}]}]}"#, "an image"),
        (r#"{"messages":[{"content":[{"type":"document","source":{"type":"url","url":"a"}}]}]}"#, "a file"),
        (r#"{"input":[{"type":"message","content":[{"type":"input_file","file_id":"a"}]}]}"#, "a file"),
        (r#"{"messages":[{"content":[{"type":"input_audio","input_audio":{"data":"a"}}]}]}"#, "audio"),
        (r#"{"tools":[{"type":"web_search_20250305","name":"web_search"}]}"#, "a tool that the provider runs"),
        (r#"{"input":[{"type":"item_reference","id":"a"}]}"#, "a reference to stored content"),
        (r#"{"input":[{"id":"msg_1"}]}"#, "a reference to stored content"),
        (r#"{"input":[{"id":"msg_1","type":null}]}"#, "a reference to stored content"),
        (r#"{"input":[{"role":"assistant","type":"reasoning","id":"rs_1","summary":[],"encrypted_content":""}]}"#, "a reference to stored content"),
        (r#"{"messages":[{"role":"assistant","audio":{"id":"audio_1"}}]}"#, "a reference to stored content"),
        (r#"{"input":[{"type":"te\u0078t"}]}"#, "a part of a type that Latchkey does not know"),
    ] {
        assert_eq!(unbounded(body), Some(reason), "{body}");
    }
}

#[test]
fn a_long_time_in_the_cache_is_found() {
    for (body, expected) in [
        (r#"{"system":[{"type":"text","cache_control":{"type":"ephemeral","ttl":"1h"}}]}"#, true),
        (r#"{"cache_control":{"type":"ephemeral","ttl":"\u0031h"},"x":{"ttl":"5m"}}"#, true),
        (r#"{"tools":[{"cache_control":{"type":"ephemeral","ttl":"5m"}},{"cache_control":{"type":"ephemeral","ttl":null}}]}"#, false),
        (r#"{"messages":[{"content":"\"ttl\":\"1h\""}],"metadata":{"ttl":"1h"}}"#, false),
    ] {
        assert_eq!(scan(body.as_bytes()).unwrap().has_long_ttl(), expected, "{body}");
    }
}

/// JSON values that contain fields of interest now and then.
fn json() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[ -~äλ\\n\\t\"\\\\]{0,8}", Just("type".to_owned()), Just("image".to_owned())];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z_\"\\\\]{0,6}|model|type|include_usage|stream_options", inner, 0..6)
                .prop_map(|members: BTreeMap<String, Value>| members.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    /// Except for objects with refused fields, the scanner accepts what another parser accepts.
    #[test]
    fn it_accepts_what_serde_accepts(value in json(), at in any::<prop::sample::Index>(), byte in any::<u8>(), is_pretty: bool) {
        let object = serde_json::json!({ "first": 1, "value": value });
        let text = if is_pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) };
        let mut body = text.unwrap().into_bytes();
        prop_assert!(!is_malformed(&body));
        let at = at.index(body.len());
        body[at] = byte;
        let is_object = body.trim_ascii_start().first() == Some(&b'{');
        let accepted = str::from_utf8(&body).is_ok() && is_object && serde_json::from_slice::<IgnoredAny>(&body).is_ok();
        // A refused field may come before the error.
        if !matches!(scan(&body), Err(RequestError::Duplicate(_) | RequestError::Escaped(_))) {
            prop_assert_eq!(!is_malformed(&body), accepted, "{}", String::from_utf8_lossy(&body));
        }
    }

    #[test]
    fn a_field_has_the_value_that_serde_finds(value in json(), other in json()) {
        let body = serde_json::json!({ "a": other, "model": value }).to_string();
        let fields = scan(body.as_bytes()).unwrap();
        let span = fields.span("model").unwrap();
        prop_assert_eq!(&body[span], value.to_string());
    }
}
