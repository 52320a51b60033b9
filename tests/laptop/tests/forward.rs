//! Ports of pods forwarded to clients as people run them: kube, and kubectl both ways.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy knows tests only by their attribute

#[path = "forward/world.rs"]
mod world;

use std::time::Duration;

use futures::future::join_all;
use kube::api::AttachParams;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use world::{CLOSED, Forward, World, bytes, echoed};

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn kube_gets_back_what_it_sends() {
    let world = World::start().await;
    let pods = world.pods();
    let mut forwarder = pods.portforward("echo", &[world.echo]).await.unwrap();
    let stream = forwarder.take_stream(world.echo).unwrap();
    echoed(stream, 8 * MIB, false).await;
    forwarder.join().await.unwrap();
}

#[tokio::test]
async fn kube_has_many_connections_at_once() {
    let world = World::start().await;
    let pods = world.pods();
    let all = (0..20).map(async |_| {
        let mut forwarder = pods.portforward("echo", &[world.echo]).await.unwrap();
        echoed(forwarder.take_stream(world.echo).unwrap(), MIB, false).await;
    });
    join_all(all).await;
}

#[tokio::test]
async fn kube_learns_the_end_of_the_pods_side() {
    let world = World::start().await;
    let mut forwarder = world.pods().portforward("echo", &[world.last_words]).await.unwrap();
    let mut stream = forwarder.take_stream(world.last_words).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "last words");
}

#[tokio::test]
async fn kube_learns_of_a_port_that_refuses() {
    let world = World::start().await;
    let mut forwarder = world.pods().portforward("echo", &[CLOSED, world.echo]).await.unwrap();
    let error = forwarder.take_error(CLOSED).unwrap().await.unwrap();
    let start = format!("error forwarding port {CLOSED} to pod echo, uid : ");
    assert!(error.starts_with(&start) && error.ends_with("connection refused"), "{error}");
    // The other port of the same connection goes on.
    echoed(forwarder.take_stream(world.echo).unwrap(), MIB, false).await;
}

#[tokio::test]
async fn what_cannot_be_forwarded_is_refused_with_a_status() {
    let world = World::start().await;
    let client = world.client();
    let refused = async |path: &str| {
        let request = http::Request::get(format!("/api/v1/namespaces/default/pods/{path}"));
        let answer = client.request_text(request.body(Vec::new()).unwrap()).await;
        let Err(kube::Error::Api(status)) = answer else { panic!("{answer:?}") };
        (status.code, status.reason.clone())
    };
    assert_eq!(refused("none/portforward?ports=1").await, (404, "NotFound".into()));
    assert_eq!(refused("waiting/portforward?ports=1").await, (400, "BadRequest".into()));
    assert_eq!(refused("echo/portforward?ports=1").await, (400, "BadRequest".into()));
    assert_eq!(refused("none/exec?command=true&stdout=true").await, (404, "NotFound".into()));
    assert_eq!(refused("echo/exec?command=true&stdout=true").await, (400, "BadRequest".into()));
    assert_eq!(refused("echo/exec?command=sh&stdout=1&tty=1").await, (501, "NotImplemented".into()));
    assert_eq!(refused("echo/attach").await, (501, "NotImplemented".into()));
}

/// The answer to an upgrade, and all that comes after `sent`.
async fn spoken(world: &World, protocol: &str, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.url.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST /api/v1/namespaces/default/pods/echo/portforward HTTP/1.1\r\nHost: here\r\n\
         Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: {protocol}\r\n\
         Content-Length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(sent).await.unwrap();
    let mut got = vec![0; 16 * 1024];
    let mut length = 0;
    let all = async {
        while let Ok(more @ 1..) = stream.read(&mut got[length..]).await {
            length += more;
            if length >= 200 && protocol == "other" {
                break;
            }
        }
    };
    timeout(Duration::from_secs(10), all).await.unwrap();
    String::from_utf8_lossy(&got[..length]).into_owned()
}

#[tokio::test]
async fn what_is_not_spdy_ends_the_connection() {
    let world = World::start().await;
    let refused = spoken(&world, "other", b"").await;
    assert!(refused.starts_with("HTTP/1.1 403 ") && refused.contains("unable to negotiate"), "{refused}");
    for garbage in [&[0; 64][..], b"\x80\x03\0\x01\0\0\0\x0e\0\0\0\x01\0\0\0\0\0\0 zip", &[0x80; 4096]] {
        let answer = spoken(&world, "portforward.k8s.io", garbage).await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    }
    let ping = [0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1];
    let away = [0x80, 3, 0, 7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    let answer = spoken(&world, "portforward.k8s.io", &[&ping[..], &away].concat()).await;
    assert!(answer.ends_with("\0\u{6}\0\0\0\u{4}\0\0\0\u{1}"), "{answer:?}");
}

#[tokio::test]
async fn commands_run_with_their_pipes() {
    let world = World::start().await;
    let params = AttachParams::default().stdin(true).stdout(true).stderr(true);
    let command = ["sh", "-c", "echo $POD; cat; echo bad >&2; exit 3"];
    let mut process = world.pods().exec("echo", command, &params).await.unwrap();
    let (mut stdin, status) = (process.stdin().unwrap(), process.take_status().unwrap());
    let (mut stdout, mut stderr) = (process.stdout().unwrap(), process.stderr().unwrap());
    let (sent, mut got, mut bad) = (bytes(MIB), Vec::new(), String::new());
    let send = async {
        stdin.write_all(&sent).await.unwrap();
        stdin.shutdown().await.unwrap();
    };
    let read = async {
        stdout.read_to_end(&mut got).await.unwrap();
        stderr.read_to_string(&mut bad).await.unwrap();
        status.await.unwrap()
    };
    let both = async { tokio::join!(send, read).1 };
    let status = timeout(Duration::from_secs(20), both).await.unwrap();
    assert!(got == [b"echo\n", sent.as_slice()].concat(), "{} bytes", got.len());
    assert_eq!((bad.as_str(), status.reason.as_deref()), ("bad\n", Some("NonZeroExitCode")));
}

#[tokio::test]
#[ignore = "needs kubectl"]
async fn kubectl_runs_commands() {
    let world = World::start().await;
    let run = async |args: &[&str]| {
        let mut command = world::kubectl(&world);
        let output = command.args(["exec", "-i", "echo", "--"]).args(args).output().await.unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(run(&["sh", "-c", "echo $POD; cat"]).await, (0, "echo\n".into(), String::new()));
    let (code, _, told) = run(&["sh", "-c", "kill -9 $$"]).await;
    assert_eq!((code, told.trim()), (137, "command terminated with exit code 137"));
    let (code, _, told) = run(&["/no/such/command"]).await;
    assert!(code == 1 && told.contains("error executing command in container"), "{code} {told}");
}

async fn kubectl(web_sockets: bool) {
    let world = World::start().await;
    let forward = Forward::start(&world, world.echo, web_sockets).await;
    let connect = async || TcpStream::connect(forward.address).await.unwrap();
    echoed(connect().await, 8 * MIB, true).await;
    join_all((0..20).map(async |_| echoed(connect().await, MIB, true).await)).await;
    // A client that goes away in the middle ends no other stream.
    for _ in 0..5 {
        let mut gone = connect().await;
        gone.write_all(&bytes(MIB / 4)).await.unwrap();
        gone.read_exact(&mut [0; 10]).await.unwrap();
    }
    echoed(connect().await, MIB, true).await;
}

async fn kubectl_refused(web_sockets: bool) {
    let world = World::start().await;
    let forward = Forward::start(&world, CLOSED, web_sockets).await;
    let mut stream = TcpStream::connect(forward.address).await.unwrap();
    assert_eq!(stream.read(&mut [0; 10]).await.unwrap_or(0), 0);
    let told = timeout(Duration::from_secs(10), forward.errors()).await.unwrap();
    assert!(told.contains(&format!("error forwarding port {CLOSED} to pod echo, uid : ")), "{told}");
}

#[tokio::test]
#[ignore = "needs kubectl"]
async fn kubectl_forwards_over_web_sockets() {
    kubectl(true).await;
}

#[tokio::test]
#[ignore = "needs kubectl"]
async fn kubectl_forwards_over_spdy() {
    kubectl(false).await;
}

#[tokio::test]
#[ignore = "needs kubectl"]
async fn kubectl_tells_of_a_port_that_refuses_over_web_sockets() {
    kubectl_refused(true).await;
}

#[tokio::test]
#[ignore = "needs kubectl"]
async fn kubectl_tells_of_a_port_that_refuses_over_spdy() {
    kubectl_refused(false).await;
}
