//! Asks the worker's own Python what files of its configuration say of connections, where flags and variables do not name all.

use std::{io, net::Ipv4Addr, time::Duration};

use dask_worker_line::WorkerLine;
use serde_json::Value;
use tokio::{io::AsyncReadExt, net::TcpListener, time::timeout};

use super::Settings;
use crate::{
    child::Child,
    python_module::{module, token},
};

/// Longest time for it to start and answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest time for one connection to say something, and for what is on its way when Python has ended.
const SHORT: Duration = Duration::from_secs(2);
/// Certificates may be given as text.
const MOST_BYTES: u64 = 1 << 20;

/// What the configuration says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Of TLS.
    pub settings: Settings,
    /// The scheme of addresses without one (`distributed.comm.default-scheme`).
    pub scheme: Option<String>,
}

/// All that is known of TLS; `told` is what Python said already.
pub async fn settings(line: &[String], told: Option<Told>) -> Settings {
    let known = Settings::of(line, std::env::vars_os());
    // Then a least version in a file alone is not looked for: it would cost each start a second.
    if known.names_all() {
        return known;
    }
    let told = match told {
        Some(told) => Some(told),
        None => configuration(line).await,
    };
    told.map_or(known.clone(), |told| Settings { sni: known.sni, ..told.settings })
}

/// What the worker's own Python says of its configuration; `None`: it cannot be asked with this command line.
pub async fn configuration(line: &[String]) -> Option<Told> {
    let worker = WorkerLine::of(line).ok()?;
    let answer = timeout(PATIENCE, asked(&worker)).await;
    let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    answer
        .inspect_err(
            |error| tracing::warn!(%error, "cannot ask for the configuration's settings of connections"),
        )
        .ok()
}

/// A process that does not outlive the question.
struct Python(Child);

impl Drop for Python {
    fn drop(&mut self) {
        self.0.kill();
    }
}

/// What Python says.
async fn asked(line: &WorkerLine) -> io::Result<Told> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let given = serde_json::json!({"tls": listener.local_addr()?.port()}).to_string();
    let token = token()?;
    // The module wants to know its nanny, and there is none yet.
    let env = [("DASK_AGENT_NANNY", "-"), ("DASK_AGENT_TOKEN", &token), ("DASK_AGENT_GIVEN", &given)];
    let env = env.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let mut python = Python(Child::start_with(&line.tls(&module()), &env, None)?);
    let told = told(&listener, &token);
    tokio::pin!(told);
    let code = tokio::select! {
        told = &mut told => return told,
        code = python.0.ended() => code,
    };
    // It ends as soon as it has spoken.
    let late = || io::Error::other(format!("Python ended with code {code} and said nothing"));
    timeout(SHORT, told).await.unwrap_or_else(|_| Err(late()))
}

/// What the one says that knows the token.
async fn told(listener: &TcpListener, token: &str) -> io::Result<Told> {
    loop {
        let (stream, _) = listener.accept().await?;
        let mut text = String::new();
        let _ = timeout(SHORT, stream.take(MOST_BYTES).read_to_string(&mut text)).await;
        let told: Value = serde_json::from_str(&text).unwrap_or_default();
        if told["token"] == token {
            return Ok(read(&told));
        }
    }
}

fn read(told: &Value) -> Told {
    let text = |key: &str| told[key].as_str().map(String::from);
    let settings = Settings {
        ca: text("ca"),
        cert: text("cert"),
        key: text("key"),
        only_newest: told["only_newest"] == true,
        sni: None,
    };
    Told { settings, scheme: text("scheme") }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt, net::TcpStream};

    use super::*;

    #[tokio::test]
    async fn only_who_knows_the_token_is_listened_to() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let say = async |text: &str| {
            TcpStream::connect(at).await.unwrap().write_all(text.as_bytes()).await.unwrap();
        };
        let (told, ()) = tokio::join!(told(&listener, "secret"), async {
            for other in ["", "rubbish", r#"{"ca": "theirs"}"#, r#"{"token": "x", "ca": "theirs"}"#] {
                say(other).await;
            }
            say(r#"{"token": "secret", "ca": "ours", "cert": 7, "only_newest": true, "scheme": "tls"}"#)
                .await;
        });
        let wanted = Settings { ca: Some("ours".into()), only_newest: true, ..Settings::default() };
        assert_eq!(told.unwrap(), Told { settings: wanted, scheme: Some("tls".into()) });
    }
}
