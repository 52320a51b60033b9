//! `kubectl logs`: what a container wrote, from its file.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};
use kube_memory_api_server::Status;
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, SeekFrom},
};

use crate::node::Node;

/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How much is read at a time.
const PIECE: usize = 64 * 1024;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    container: Option<String>,
    follow: bool,
    previous: bool,
    tail_lines: Option<usize>,
    limit_bytes: Option<usize>,
    timestamps: bool,
    since_seconds: Option<u64>,
    since_time: Option<String>,
}

/// The route of logs.
pub fn routes(node: Arc<Node>) -> Router {
    Router::new().route("/api/v1/namespaces/{namespace}/pods/{name}/log", get(log)).with_state(node)
}

async fn log(
    State(node): State<Arc<Node>>,
    Path((namespace, name)): Path<(String, String)>,
    Query(options): Query<Options>,
) -> Response {
    match open(&node, &namespace, &name, &options).await {
        Ok(body) => ([(header::CONTENT_TYPE, "text/plain")], body).into_response(),
        Err(status) => refusal(&status),
    }
}

/// A Status as an answer.
pub fn refusal(status: &Status) -> Response {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (code, axum::Json(status.json())).into_response()
}

async fn open(node: &Arc<Node>, namespace: &str, name: &str, options: &Options) -> Result<Body, Status> {
    let bad = |why: String| Status::new(400, "BadRequest", why);
    if options.timestamps || options.since_seconds.is_some() || options.since_time.is_some() {
        return Err(bad("logs here have no times: leave out --timestamps, --since and --since-time".into()));
    }
    let missing = || Status::new(404, "NotFound", format!("pods {name:?} not found"));
    let pod = node.server.object("pods", namespace, name).ok_or_else(missing)?;
    let list = |of: &'static str, name: &str| pod[of][name].as_array().into_iter().flatten();
    let all = list("spec", "containers").chain(list("spec", "initContainers"));
    let containers: Vec<&str> = all.filter_map(|c| c["name"].as_str()).collect();
    let container = match &options.container {
        Some(wanted) if containers.contains(&wanted.as_str()) => wanted.as_str(),
        Some(wanted) => return Err(bad(format!("container {wanted} is not valid for pod {name}"))),
        None => containers.first().copied().unwrap_or_default(),
    };
    let status = list("status", "containerStatuses").chain(list("status", "initContainerStatuses"));
    let status = status.into_iter().find(|s| s["name"] == container).cloned().unwrap_or_default();
    let runs = status["restartCount"].as_u64().unwrap_or(0);
    let run = if options.previous { runs.checked_sub(1) } else { Some(runs) };
    let uid = pod["metadata"]["uid"].as_str().unwrap_or_default().to_string();
    let path = run.map(|run| node.pod_dir(&uid).join(format!("{container}.{run}.log")));
    let path = path.filter(|p| p.exists()).ok_or_else(|| {
        let why = status["state"]["waiting"]["reason"].as_str().unwrap_or("it has not started");
        bad(format!("container {container:?} in pod {name:?} is waiting to start: {why}"))
    })?;
    let followed = options.follow.then(|| (node.clone(), namespace.to_string(), name.to_string(), uid));
    read(path, options, followed)
        .await
        .map_err(|e| Status::new(500, "InternalError", format!("the log: {e}")))
}

type Followed = Option<(Arc<Node>, String, String, String)>;

/// The file from where it is to be shown, for as long as the pod is there if it is followed.
async fn read(path: PathBuf, options: &Options, followed: Followed) -> std::io::Result<Body> {
    let mut file = File::open(&path).await?;
    if let Some(lines) = options.tail_lines {
        let text = tokio::fs::read(&path).await?;
        file.seek(SeekFrom::Start(last_lines(&text, lines) as u64)).await?;
    }
    let left = options.limit_bytes.unwrap_or(usize::MAX);
    let pieces = futures::stream::unfold((file, left, followed), |(mut file, left, followed)| async move {
        loop {
            let mut piece = vec![0; PIECE.min(left)];
            let read = file.read(&mut piece).await.ok()?;
            if read > 0 {
                piece.truncate(read);
                return Some((Ok::<_, std::io::Error>(Bytes::from(piece)), (file, left - read, followed)));
            }
            let goes_on = left > 0 && followed.as_ref().is_some_and(goes_on);
            if !goes_on {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
    });
    Ok(Body::from_stream(pieces))
}

fn goes_on((node, namespace, name, uid): &(Arc<Node>, String, String, String)) -> bool {
    let over = |pod: &Value| matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    let pod = node.server.object("pods", namespace, name);
    pod.is_some_and(|p| p["metadata"]["uid"] == uid.as_str() && !over(&p))
}

/// Where the last so many lines begin.
fn last_lines(text: &[u8], lines: usize) -> usize {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    if lines == 0 {
        return text.len();
    }
    let ends = body.iter().enumerate().rev().filter(|(_, b)| **b == b'\n');
    ends.map(|(i, _)| i + 1).nth(lines - 1).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_found() {
        let text = b"one\ntwo\nthree\n";
        assert_eq!(&text[last_lines(text, 1)..], b"three\n");
        assert_eq!(&text[last_lines(text, 2)..], b"two\nthree\n");
        assert_eq!(last_lines(text, 9), 0);
        assert_eq!(last_lines(text, 0), text.len());
        assert_eq!(last_lines(b"", 3), 0);
    }
}
