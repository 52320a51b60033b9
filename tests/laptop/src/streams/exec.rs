//! Commands in pods, with their pipes in channels of a WebSocket.

use std::{
    io,
    os::unix::process::ExitStatusExt,
    process::{ExitStatus, Stdio},
};

use bytes::Bytes;
use futures::StreamExt;
use kube_memory_api_server::Status;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, Command},
    sync::mpsc::{self, Receiver, Sender},
};
use tokio_util::task::AbortOnDropHandle;

use super::{channels::message, pod::WAITING, wire::Wire};

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
/// How it ended, as a `Status`.
const ERROR: u8 = 3;
/// Ends the channel that it names; from version 5 of the protocol on.
const CLOSE: u8 = 255;

/// Bytes of output in one message.
const PIECE: usize = 32 * 1024;

/// Most words of a command.
const MOST: usize = 1000;

/// What a client asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub command: Vec<String>,
    pub container: Option<String>,
    stdin: bool,
    stdout: bool,
    stderr: bool,
}

impl Asked {
    /// Reads a query.
    pub(super) fn read(query: &str) -> Result<Self, Status> {
        let mut asked = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            // As the API server reads them.
            let is = !(value == "0" || value.eq_ignore_ascii_case("false"));
            match &*key {
                "command" => asked.command.push(value.into_owned()),
                "container" if !value.is_empty() => asked.container = Some(value.into_owned()),
                "stdin" => asked.stdin = is,
                "stdout" => asked.stdout = is,
                "stderr" => asked.stderr = is,
                "tty" if is => return Err(Status::unsupported("terminals (without -t, it does)")),
                _ => {}
            }
        }
        if asked.command.is_empty() || asked.command.len() > MOST {
            return Err(Status::bad_request("you must specify one command, and not too long a one"));
        }
        if !(asked.stdin || asked.stdout || asked.stderr) {
            let message = "you must specify at least 1 of stdin, stdout, stderr";
            return Err(Status::bad_request(message));
        }
        Ok(asked)
    }

    /// The empty message on it tells that the connection is there.
    fn first_channel(&self) -> u8 {
        match (self.stdout, self.stderr) {
            (true, _) => STDOUT,
            (false, true) => STDERR,
            (false, false) => ERROR,
        }
    }

    fn start(&self, mut command: Command) -> io::Result<Child> {
        let pipe = |wanted| if wanted { Stdio::piped() } else { Stdio::null() };
        command.stdin(pipe(self.stdin)).stdout(pipe(self.stdout)).stderr(pipe(self.stderr));
        command.kill_on_drop(true).spawn()
    }
}

/// Runs the command until it ends, or its client.
pub(super) async fn serve(wire: Wire, command: Command, asked: Asked) {
    let (mut incoming, outgoing, mut writer) = wire.start();
    let (stdin, from) = mpsc::channel(WAITING);
    let task = AbortOnDropHandle::new(tokio::spawn(all(command, asked, from, outgoing)));
    let mut stdin = Some(stdin);
    loop {
        tokio::select! {
            message = incoming.next() => match message {
                Some(Ok(message)) => deliver(&mut stdin, message).await,
                _ => break,
            },
            () = writer.ended() => break,
        }
    }
    drop(task);
    writer.finish(incoming).await;
}

async fn deliver(stdin: &mut Option<Sender<Bytes>>, mut message: Bytes) {
    if message.is_empty() {
        return;
    }
    let channel = message.split_to(1);
    match (&*channel, &*message) {
        (&[CLOSE], &[STDIN]) => *stdin = None,
        (&[STDIN], bytes) if !bytes.is_empty() => {
            if let Some(sender) = stdin {
                // A command that has ended reads no more.
                let _ = sender.send(message).await;
            }
        }
        _ => {}
    }
}

/// The command from start to end; the connection ends with it.
async fn all(command: Command, asked: Asked, from: Receiver<Bytes>, to: Sender<Bytes>) {
    if to.send(message(asked.first_channel(), b"")).await.is_err() {
        return;
    }
    let ended = match asked.start(command) {
        Ok(child) => run(child, from, &to).await,
        Err(error) => Err(error),
    };
    // Without a client there is none to tell.
    let _ = to.send(message(ERROR, told(&ended).to_string().as_bytes())).await;
}

async fn run(mut child: Child, from: Receiver<Bytes>, to: &Sender<Bytes>) -> io::Result<ExitStatus> {
    let input = feed(child.stdin.take(), from);
    let output = (read(child.stdout.take(), STDOUT, to), read(child.stderr.take(), STDERR, to));
    let end = async {
        tokio::join!(output.0, output.1);
        child.wait().await
    };
    tokio::pin!(input, end);
    tokio::select! {
        ended = &mut end => return ended,
        () = &mut input => {}
    }
    end.await
}

async fn feed(pipe: Option<ChildStdin>, mut from: Receiver<Bytes>) {
    let Some(mut pipe) = pipe else { return };
    while let Some(bytes) = from.recv().await {
        if pipe.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>, channel: u8, to: &Sender<Bytes>) {
    let Some(mut pipe) = pipe else { return };
    let mut piece = vec![0; PIECE];
    while let Ok(length) = pipe.read(&mut piece).await {
        let Some(bytes) = piece.get(..length).filter(|b| !b.is_empty()) else { return };
        if to.send(message(channel, bytes)).await.is_err() {
            return;
        }
    }
}

/// In the words of a kubelet.
fn told(ended: &io::Result<ExitStatus>) -> Value {
    let code = match ended {
        Ok(status) if status.success() => return json!({"metadata": {}, "status": "Success"}),
        Ok(status) => status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1),
        Err(error) => {
            let message = format!("Internal error occurred: error executing command in container: {error}");
            return Status::new(500, "InternalError", message).json();
        }
    };
    json!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": format!("command terminated with non-zero exit code: exit status {code}"),
        "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_tell_what_to_run() {
        let asked = Asked::read("command=sh&command=-c&command=a%20b&stdout=true&stderr=false&container=x");
        let expected = Asked {
            command: vec!["sh".into(), "-c".into(), "a b".into()],
            container: Some("x".into()),
            stdout: true,
            ..Asked::default()
        };
        assert_eq!(asked, Ok(expected));
        for (query, code) in
            [("stdout=1", 400), ("command=true", 400), ("command=sh&stdin=true&stdout=true&tty=true", 501)]
        {
            assert_eq!(Asked::read(query).map_err(|status| status.code), Err(code), "{query}");
        }
    }
}
