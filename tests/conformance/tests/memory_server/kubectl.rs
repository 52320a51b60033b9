//! What kubectl asks for beside objects: tables, discovery, documents, reviews.

use bytes::Bytes;
use futures::FutureExt;
use http::{Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::dask;
use kube_memory_api_server::{ApiServer, Call, Settings};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io, application/json";

fn server() -> ApiServer {
    let server =
        ApiServer::with_definitions(&dask(), || "2025-01-01T00:00:00Z".parse().unwrap(), Settings::default());
    for name in ["a", "b"] {
        let body = json!({"metadata": {"name": name}, "data": {"k": "v"}});
        let namespace = "default".into();
        server.call("user", Call::Create { resource: "configmaps", namespace, body }).unwrap();
    }
    server
}

/// Code, media type and the bytes that are there at once.
fn ask(server: &ApiServer, request: http::request::Builder, body: &'static str) -> (u16, String, Bytes) {
    let request = request.body(Bytes::from_static(body.as_bytes())).unwrap();
    let answer = server.service("kubectl").answer(&request);
    let media = answer.headers()[header::CONTENT_TYPE].to_str().unwrap().to_string();
    let code = answer.status().as_u16();
    let frame = answer.into_body().frame().now_or_never().unwrap().unwrap().unwrap();
    (code, media, frame.into_data().unwrap())
}

fn get(server: &ApiServer, path: &str, accept: &str) -> Value {
    let (code, _, body) = ask(server, Request::get(path).header("accept", accept), "");
    assert_eq!(code, 200, "{path}: {body:?}");
    serde_json::from_slice(&body).unwrap()
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[test]
fn lists_and_pages_are_tables() {
    let server = server();
    let table = get(&server, MAPS, TABLE);
    assert_eq!(table["kind"], "Table");
    assert_eq!(table["rows"][1]["cells"], json!(["b", 1, "0s"]));
    assert_eq!(table["rows"][1]["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(table["columnDefinitions"][0]["format"], "name");
    let page = get(&server, &format!("{MAPS}?limit=1&includeObject=None"), TABLE);
    assert_eq!(page["rows"], json!([{"cells": ["a", 1, "0s"], "object": null}]));
    assert_eq!(page["metadata"]["remainingItemCount"], 1);
    let bad = ask(&server, Request::get(format!("{MAPS}?includeObject=x")).header("accept", TABLE), "");
    assert_eq!(bad.0, 400);
}

#[test]
fn watches_are_tables_and_so_are_their_bookmarks() {
    let server = server();
    let event = get(&server, &format!("{MAPS}?watch=1"), TABLE);
    assert_eq!(event["type"], "ADDED");
    assert_eq!(event["object"]["rows"][0]["cells"][0], "a");
    let query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let quotas = format!("/api/v1/namespaces/default/resourcequotas?{query}");
    let bookmark = get(&server, &quotas, TABLE);
    assert_eq!(bookmark["type"], "BOOKMARK");
    let object = &bookmark["object"]["rows"][0]["object"];
    assert_eq!(object["metadata"]["annotations"], json!({"k8s.io/initial-events-end": "true"}));
    assert_eq!(object["metadata"]["resourceVersion"], bookmark["object"]["metadata"]["resourceVersion"]);
}

#[test]
fn discovery_is_one_answer_for_those_that_want_it() {
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let groups = get(&server(), "/apis", accept);
    let items = groups["items"].as_array().unwrap();
    let of = |group: &str| items.iter().find(|i| i["metadata"]["name"] == group).unwrap();
    let scaled = &of("apps")["versions"][0]["resources"][0];
    assert_eq!(scaled["resource"], "deployments");
    assert_eq!(scaled["subresources"][1]["responseKind"]["group"], "autoscaling");
    assert_eq!(get(&server(), "/apis", "application/json")["kind"], "APIGroupList");
    let (_, media, body) = ask(&server(), Request::get("/healthz"), "");
    assert_eq!((media.as_str(), &body[..]), ("text/plain; charset=utf-8", &b"ok"[..]));
}

#[test]
fn everybody_may_do_everything() {
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let (code, _, body) = ask(&server(), Request::post(path), r#"{"spec": {"resourceAttributes": {}}}"#);
    let review: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((code, &review["status"]), (201, &json!({"allowed": true})));
    assert_eq!(review["kind"], "SelfSubjectAccessReview");
}
