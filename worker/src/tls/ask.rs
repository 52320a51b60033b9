//! Asks the worker's own Python what files of its configuration say of TLS, where flags and variables do not say all.

use std::{net::Ipv4Addr, time::Duration};

use dask_worker_line::WorkerLine;
use tokio::{io::AsyncReadExt, net::TcpListener};

use super::Settings;
use crate::{child::Child, nanny::module};

/// Longest time for it to start and answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Certificates may be given as text.
const MOST_BYTES: u64 = 1 << 20;

/// All that is known.
pub async fn settings(line: &[String]) -> Settings {
    let known = Settings::of(line, std::env::vars_os());
    let Ok(worker) = WorkerLine::of(line) else { return known };
    if known.is_complete() {
        return known;
    }
    let answer = tokio::time::timeout(PATIENCE, asked(&worker)).await;
    match answer.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())) {
        Ok(Some(told)) => Settings { sni: known.sni, ..told },
        Ok(None) => known,
        Err(error) => {
            tracing::warn!(%error, "cannot ask for the configuration's settings of TLS");
            known
        }
    }
}

/// What Python says; `None`: nothing that makes sense.
async fn asked(line: &WorkerLine) -> std::io::Result<Option<Settings>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let given = serde_json::json!({"tls": listener.local_addr()?.port()});
    // The module wants to know its nanny, and there is none yet.
    let env =
        [("DASK_AGENT_NANNY", "-"), ("DASK_AGENT_TOKEN", "-"), ("DASK_AGENT_GIVEN", &given.to_string())];
    let env = env.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let mut child = Child::start_with(&line.tls(&module()), &env, None)?;
    let told = async {
        let (stream, _) = listener.accept().await?;
        let mut text = String::new();
        stream.take(MOST_BYTES).read_to_string(&mut text).await?;
        Ok(text)
    };
    let text = tokio::select! {
        told = told => told,
        code = child.ended() => Err(std::io::Error::other(format!("Python ended with code {code}"))),
    };
    child.kill();
    child.ended().await;
    Ok(serde_json::from_str(&text?).ok().map(|told: serde_json::Value| {
        let text = |key: &str| told[key].as_str().map(String::from);
        Settings {
            ca: text("ca"),
            cert: text("cert"),
            key: text("key"),
            only_newest: told["only_newest"] == true,
            sni: None,
        }
    }))
}
