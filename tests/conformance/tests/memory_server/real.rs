//! The answers of a real kube-apiserver 1.34, recorded, beside those of this one.

use bytes::Bytes;
use futures::FutureExt;
use http_body_util::BodyExt;
use regex::Regex;
use serde_json::{Value, json};

use super::dask;
use kube_memory_api_server::{ApiServer, Settings};

/// What cannot be the same in two servers.
const OWN: [&str; 7] = [
    "creationTimestamp",
    "deletionTimestamp",
    "lastTransitionTime",
    "resourceVersion",
    "clusterIP",
    "clusterIPs",
    "nodePort",
];

fn normal(value: &mut Value, uid: &Regex) {
    match value {
        Value::Object(map) => {
            map.remove("managedFields");
            for (key, value) in map.iter_mut() {
                if OWN.contains(&key.as_str()) {
                    *value = json!("X");
                }
                normal(value, uid);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|v| normal(v, uid)),
        Value::String(text) => *text = uid.replace_all(text, "UID").into_owned(),
        _ => {}
    }
}

/// Sends all requests in order and compares those that a real server is known to answer in the same way.
fn replay(lines: &str, managed_fields: bool) -> usize {
    let settings = Settings { managed_fields, ..Settings::default() };
    let server = ApiServer::with_definitions(&dask(), || jiff::Timestamp::UNIX_EPOCH, settings);
    let service = server.service("admin");
    let uid = Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").unwrap();
    let mut compared = 0;
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| case[key].as_str().unwrap_or_default().to_string();
        let media = case["type"].as_str().unwrap_or("application/json");
        let mut request = http::Request::builder().method(text("method").as_str()).uri(text("path"));
        request = request.header("content-type", media).header("user-agent", "curl/8");
        if let Some(accept) = case["accept"].as_str() {
            request = request.header("accept", accept);
        }
        let answer = service.answer(&request.body(Bytes::from(text("body"))).unwrap());
        let (parts, body) = answer.into_parts();
        let Some(expected) = case.get("answer") else { continue };
        let body = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        let page = json!(String::from_utf8_lossy(&body));
        let mut body: Value = serde_json::from_slice(&body).unwrap_or(page);
        normal(&mut body, &uid);
        let warnings: Vec<&str> =
            parts.headers.get_all("warning").iter().map(|w| w.to_str().unwrap()).collect();
        let told = format!("{} {} {}", text("method"), text("path"), text("body"));
        assert_eq!(json!(parts.status.as_u16()), case["code"], "{told}\n{body}");
        assert_eq!(&body, expected, "{told}");
        assert_eq!(json!(warnings), *case.get("warnings").unwrap_or(&json!([])), "{told}");
        compared += 1;
    }
    compared
}

#[test]
fn built_in_kinds_are_answered_as_by_a_real_server() {
    assert!(replay(include_str!("real-own.jsonl"), false) > 200);
}

#[test]
fn our_kinds_are_answered_as_by_a_real_server() {
    assert!(replay(include_str!("real-custom.jsonl"), false) > 80);
}

#[test]
fn what_is_applied_or_merged_strategically_is_answered_as_by_a_real_server() {
    assert!(replay(include_str!("real-merges.jsonl"), true) > 30);
}
