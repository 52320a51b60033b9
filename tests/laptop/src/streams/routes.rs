//! The paths of streams to pods, and what is refused there.

use std::{future::Future, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request},
    http::{Method, StatusCode, header},
    response::Response,
    routing::any,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use kube_memory_api_server::Status;

use super::{
    Pods, channels, exec,
    pod::Pod,
    spdy,
    upgrade::{self, Wanted},
    wire::Wire,
};

/// Port forwarding in streams of SPDY.
const STREAMS: &str = "portforward.k8s.io";

/// The same, with SPDY in messages of a WebSocket.
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";

/// Port forwarding in channels of a WebSocket.
const CHANNELS: [&str; 2] = ["v4.channel.k8s.io", STREAMS];

/// Commands in channels of a WebSocket; the fifth version can end their input.
const COMMANDS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

/// Routes for the subresources of pods that are streams.
pub fn routes(pods: Arc<dyn Pods>) -> Router {
    let for_exec = pods.clone();
    let exec = async move |Path((namespace, name)): Path<(String, String)>, request: Request| {
        answer(exec(&*for_exec, &namespace, &name, request))
    };
    let forward = async move |Path((namespace, name)): Path<(String, String)>, request: Request| {
        answer(forward(pods, namespace, name, request))
    };
    let attach = any(async || answer(Err(Status::unsupported("attaching to pods"))));
    Router::new()
        .route("/api/v1/namespaces/{namespace}/pods/{name}/portforward", any(forward))
        .route("/api/v1/namespaces/{namespace}/pods/{name}/exec", any(exec))
        .route("/api/v1/namespaces/{namespace}/pods/{name}/attach", attach)
}

fn answer(result: Result<Response, Status>) -> Response {
    result.unwrap_or_else(|status| {
        let mut response = Response::new(Body::from(status.json().to_string()));
        *response.status_mut() =
            StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let json = header::HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    })
}

fn forward(
    pods: Arc<dyn Pods>,
    namespace: String,
    name: String,
    mut request: Request,
) -> Result<Response, Status> {
    allowed(&request)?;
    let pod = Pod::find(pods, namespace, name)?;
    let connection = upgrade::connection(&mut request);
    match Wanted::read(request.headers())? {
        Wanted::Spdy { protocols } => {
            agreed(&protocols, &[STREAMS])?;
            after(connection, async move |upgraded| spdy::serve(Wire::plain(upgraded), pod).await);
            Ok(upgrade::to_spdy(STREAMS))
        }
        Wanted::WebSocket { accept, protocols } if protocols.iter().any(|p| p == TUNNEL) => {
            after(connection, async move |upgraded| spdy::serve(Wire::messages(upgraded).await, pod).await);
            Ok(upgrade::to_web_socket(&accept, Some(TUNNEL)))
        }
        Wanted::WebSocket { accept, protocols } => {
            let ports = ports(request.uri().query().unwrap_or_default())?;
            // kr8s names none.
            let protocol = if protocols.is_empty() { None } else { Some(agreed(&protocols, &CHANNELS)?) };
            after(connection, async move |upgraded| {
                channels::serve(Wire::messages(upgraded).await, pod, ports).await;
            });
            Ok(upgrade::to_web_socket(&accept, protocol))
        }
    }
}

fn exec(pods: &dyn Pods, namespace: &str, name: &str, mut request: Request) -> Result<Response, Status> {
    allowed(&request)?;
    pods.running(namespace, name)?;
    let asked = exec::Asked::read(request.uri().query().unwrap_or_default())?;
    let command = pods.command(namespace, name, asked.container.as_deref(), &asked.command)?;
    let connection = upgrade::connection(&mut request);
    let Wanted::WebSocket { accept, protocols } = Wanted::read(request.headers())? else {
        return Err(Status::unsupported("running commands without a WebSocket"));
    };
    let protocol = agreed(&protocols, &COMMANDS)?;
    after(connection, async move |upgraded| {
        exec::serve(Wire::messages(upgraded).await, command, asked).await;
    });
    Ok(upgrade::to_web_socket(&accept, Some(protocol)))
}

fn allowed(request: &Request) -> Result<(), Status> {
    if [Method::GET, Method::POST].contains(request.method()) {
        return Ok(());
    }
    let message = "the server does not allow this method on the requested resource";
    Err(Status::new(405, "MethodNotAllowed", message))
}

/// The first protocol of the client that is one of the server's.
fn agreed(client: &[String], server: &[&'static str]) -> Result<&'static str, Status> {
    let found = client.iter().find_map(|c| server.iter().find(|s| *s == c));
    found.copied().ok_or_else(|| {
        let why =
            format!("unable to negotiate protocol: client supports {client:?}, server accepts {server:?}");
        Status::new(403, "Forbidden", format!("unable to upgrade: {why}"))
    })
}

/// The ports of a query, such as `ports=8786,8787`.
fn ports(query: &str) -> Result<Vec<u16>, Status> {
    let given = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == "ports");
    let mut ports = Vec::new();
    for (_, value) in given {
        for port in value.split(',') {
            let number = port.parse().ok().filter(|port| *port > 0);
            ports.push(
                number.ok_or_else(|| Status::bad_request(format!("unable to parse {port:?} as a port")))?,
            );
        }
    }
    match ports.len() {
        0 => Err(Status::bad_request("query parameter \"ports\" is required")),
        1..=channels::MOST => Ok(ports),
        _ => Err(Status::bad_request(format!("more than {} ports", channels::MOST))),
    }
}

/// Serves the connection after the answer is sent, apart from the request.
fn after<F>(connection: OnUpgrade, serve: impl FnOnce(Upgraded) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send,
{
    tokio::spawn(async move {
        match connection.await {
            Ok(upgraded) => serve(upgraded).await,
            Err(error) => tracing::debug!(%error, "no stream to a pod"),
        }
    });
}
