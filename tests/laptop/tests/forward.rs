//! Ports of pods forwarded to clients as people run them: kube, and kubectl both ways.

#[path = "forward/world.rs"]
mod world;

use std::time::Duration;

use futures::future::join_all;
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
    assert_eq!(refused("echo/exec?command=true").await, (501, "NotImplemented".into()));
    assert_eq!(refused("echo/attach").await, (501, "NotImplemented".into()));
}

async fn kubectl(web_sockets: bool) {
    let world = World::start().await;
    let forward = Forward::start(&world, world.echo, web_sockets).await;
    let connect = async || TcpStream::connect(forward.address).await.unwrap();
    echoed(connect().await, 8 * MIB, true).await;
    join_all((0..20).map(async |_| echoed(connect().await, MIB, true).await)).await;
    // A client that goes away in the middle takes nobody else with it.
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
