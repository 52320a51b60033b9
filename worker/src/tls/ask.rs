//! Asks the worker's own Python what files of its configuration say of TLS, where flags and variables do not name all.

use std::{io, net::Ipv4Addr, time::Duration};

use dask_worker_line::WorkerLine;
use serde_json::Value;
use tokio::{io::AsyncReadExt, net::TcpListener, time::timeout};

use super::Settings;
use crate::{
    child::Child,
    nanny::{module, token},
};

/// Longest time for it to start and answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest time for one connection to say something, and for what is on its way when Python has ended.
const SHORT: Duration = Duration::from_secs(2);
/// Certificates may be given as text.
const MOST_BYTES: u64 = 1 << 20;

/// All that is known.
pub async fn settings(line: &[String]) -> Settings {
    let known = Settings::of(line, std::env::vars_os());
    let Ok(worker) = WorkerLine::of(line) else { return known };
    // Then a least version in a file alone is not looked for: it would cost each start a second.
    if known.names_all() {
        return known;
    }
    let answer = timeout(PATIENCE, asked(&worker)).await;
    match answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(told) => Settings { sni: known.sni, ..told },
        Err(error) => {
            tracing::warn!(%error, "cannot ask for the configuration's settings of TLS");
            known
        }
    }
}

/// A process that does not outlive the question.
struct Python(Child);

impl Drop for Python {
    fn drop(&mut self) {
        self.0.kill();
    }
}

/// What Python says.
async fn asked(line: &WorkerLine) -> io::Result<Settings> {
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
async fn told(listener: &TcpListener, token: &str) -> io::Result<Settings> {
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

fn read(told: &Value) -> Settings {
    let text = |key: &str| told[key].as_str().map(String::from);
    Settings {
        ca: text("ca"),
        cert: text("cert"),
        key: text("key"),
        only_newest: told["only_newest"] == true,
        sni: None,
    }
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
            say(r#"{"token": "secret", "ca": "ours", "cert": 7, "only_newest": true}"#).await;
        });
        let wanted = Settings { ca: Some("ours".into()), only_newest: true, ..Settings::default() };
        assert_eq!(told.unwrap(), wanted);
    }
}
