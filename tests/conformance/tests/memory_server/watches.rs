//! Watches and lists over HTTP, line by line.

use std::pin::Pin;

use bytes::Bytes;
use futures::FutureExt;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use kube_memory_api_server::{ApiServer, Call, DeleteOptions, ResponseBody, Settings};

fn server(window: usize) -> ApiServer {
    ApiServer::new(|| jiff::Timestamp::UNIX_EPOCH, Settings { window, ..Settings::default() })
}

fn make(server: &ApiServer, name: &str) {
    let body = json!({"metadata": {"name": name, "labels": {"l": name}}});
    let call = Call::Create { resource: "configmaps", namespace: "default".into(), body };
    server.call("user", call).unwrap();
}

fn label(server: &ApiServer, name: &str, value: &str) {
    let patch = json!({"metadata": {"labels": {"l": value}}});
    let (namespace, name) = ("default".into(), name.into());
    let call = Call::MergePatch { resource: "configmaps", namespace, name, subresource: None, patch };
    server.call("user", call).unwrap();
}

fn get(server: &ApiServer, query: &str, accept: &str) -> ResponseBody {
    let uri = format!("/api/v1/namespaces/default/configmaps{query}");
    let request = http::Request::get(uri).header("accept", accept).body(Bytes::new()).unwrap();
    server.service("user").answer(&request).into_body()
}

fn list(server: &ApiServer, query: &str) -> Value {
    let body = get(server, query, "application/json").collect().now_or_never().unwrap().unwrap();
    serde_json::from_slice(&body.to_bytes()).unwrap()
}

/// All that a watch has to say now; none at its end.
fn said(watch: &mut ResponseBody) -> Vec<Option<(String, Value)>> {
    let mut lines = Vec::new();
    while let Some(next) = Pin::new(&mut *watch).frame().now_or_never() {
        let Some(frame) = next else {
            lines.push(None);
            break;
        };
        let event: Value = serde_json::from_slice(&frame.unwrap().into_data().unwrap()).unwrap();
        let object = event["object"].clone();
        lines.push(Some((event["type"].as_str().unwrap().to_string(), object)));
    }
    lines
}

fn types(watch: &mut ResponseBody) -> Vec<String> {
    said(watch).into_iter().map(|e| e.map_or("end".into(), |(kind, _)| kind)).collect()
}

#[test]
fn objects_come_and_go_with_the_selector() {
    let server = server(100);
    let mut watch = get(&server, "?watch=1&labelSelector=l%3Da", "application/json");
    make(&server, "a");
    make(&server, "b");
    label(&server, "b", "a");
    label(&server, "a", "z");
    let seen = said(&mut watch);
    let told: Vec<_> =
        seen.iter().flatten().map(|(t, o)| (t.as_str(), o["metadata"]["name"].as_str().unwrap())).collect();
    assert_eq!(told, [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]);
    let last = &seen.last().unwrap().as_ref().unwrap().1;
    assert_eq!(last["metadata"]["labels"]["l"], "a", "what was last selected");
    assert_eq!(
        last["metadata"]["resourceVersion"],
        server.object("configmaps", "default", "a").unwrap()["metadata"]["resourceVersion"]
    );
    let options = DeleteOptions::default();
    let (namespace, name) = ("default".into(), "b".into());
    server.call("user", Call::Delete { resource: "configmaps", namespace, name, options }).unwrap();
    assert_eq!(types(&mut watch), ["DELETED"]);
}

#[test]
fn a_watch_begins_with_what_is_there_or_where_it_is_told() {
    let server = server(100);
    make(&server, "a");
    let version = list(&server, "")["metadata"]["resourceVersion"].as_str().unwrap().to_string();
    make(&server, "b");
    assert_eq!(types(&mut get(&server, "?watch=1", "*/*")), ["ADDED", "ADDED"]);
    assert_eq!(types(&mut get(&server, &format!("?watch=1&resourceVersion={version}"), "*/*")), ["ADDED"]);
    let streaming =
        "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let seen = said(&mut get(&server, streaming, "*/*"));
    let (kind, object) = seen.last().unwrap().as_ref().unwrap();
    assert_eq!((seen.len(), kind.as_str()), (3, "BOOKMARK"));
    assert_eq!(object["metadata"]["annotations"], json!({"k8s.io/initial-events-end": "true"}));
    let metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let seen = said(&mut get(&server, "?watch=1", metadata));
    assert_eq!(seen[0].as_ref().unwrap().1["kind"], "PartialObjectMetadata");
}

#[test]
fn the_past_is_forgotten_and_watches_end() {
    let server = server(2);
    for name in ["a", "b", "c", "d"] {
        make(&server, name);
    }
    let mut old = get(&server, "?watch=1&resourceVersion=3", "*/*");
    let seen = said(&mut old);
    assert_eq!(seen[0].as_ref().unwrap().1["code"], 410);
    assert_eq!(seen[1], None);
    let mut slow = get(&server, "?watch=1&resourceVersion=6", "*/*");
    let mut marked = get(&server, "?watch=1&resourceVersion=6&allowWatchBookmarks=true", "*/*");
    assert!(types(&mut marked).is_empty());
    server.bookmark();
    assert_eq!(types(&mut marked), ["BOOKMARK"]);
    for name in ["e", "f", "g"] {
        make(&server, name);
    }
    assert_eq!(types(&mut slow), ["end"], "it did not listen while too much happened");
    let mut last = get(&server, "?watch=1&resourceVersion=9", "*/*");
    assert!(types(&mut last).is_empty());
    server.close_watches(true);
    assert_eq!(types(&mut last), ["ERROR", "end"]);
    assert_eq!(server.watches(), 0);
}

#[test]
fn pages_show_one_moment() {
    let server = server(3);
    for name in ["a", "b", "c"] {
        make(&server, name);
    }
    let first = list(&server, "?limit=2");
    assert_eq!(
        (first["items"].as_array().unwrap().len(), &first["metadata"]["remainingItemCount"]),
        (2, &json!(1))
    );
    let next = format!("?limit=2&continue={}", first["metadata"]["continue"].as_str().unwrap());
    make(&server, "d");
    label(&server, "c", "changed");
    let second = list(&server, &next);
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert_eq!(second["items"][0]["metadata"]["labels"]["l"], "c");
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    server.compact();
    let gone = list(&server, &next);
    assert_eq!((&gone["code"], &gone["reason"]), (&json!(410), &json!("Expired")));
}
