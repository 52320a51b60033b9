//! Probes: whether a container has started, is ready, and lives.

use std::{net::Ipv4Addr, time::Duration};

use k8s_openapi::{
    api::core::v1::{Container, HTTPGetAction, Probe},
    apimachinery::pkg::util::intstr::IntOrString,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Most bytes of an answer that are looked at: its first line says all.
const LINE: usize = 256;

/// How often and how long something is asked, and what counts.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Before the first question.
    pub delay: Duration,
    /// Between two questions.
    pub period: Duration,
    /// For an answer.
    pub limit: Duration,
    /// So many good answers in a row are believed.
    pub successes: u32,
    /// So many bad ones.
    pub failures: u32,
}

impl Pace {
    /// As a probe says it; the rest are a kubelet's defaults.
    pub fn of(probe: &Probe) -> Self {
        let seconds = |n: Option<i32>, default: u64| {
            Duration::from_secs(n.and_then(|n| u64::try_from(n).ok()).unwrap_or(default))
        };
        let count = |n: Option<i32>, default| n.and_then(|n| u32::try_from(n).ok()).unwrap_or(default).max(1);
        Self {
            delay: seconds(probe.initial_delay_seconds, 0),
            period: seconds(probe.period_seconds, 10).max(Duration::from_secs(1)),
            limit: seconds(probe.timeout_seconds, 1).max(Duration::from_secs(1)),
            successes: count(probe.success_threshold, 1),
            failures: count(probe.failure_threshold, 3),
        }
    }
}

/// Asks once; an error says what is wrong.
///
/// # Errors
/// The container does not answer as it should.
pub async fn ask(probe: &Probe, container: &Container, ip: Ipv4Addr) -> Result<(), String> {
    let limit = Pace::of(probe).limit;
    let asked = async {
        if let Some(http) = &probe.http_get {
            return get_of(http, container, ip).await;
        }
        if let Some(tcp) = &probe.tcp_socket {
            let port = port_of(&tcp.port, container).ok_or("the probe's port has no number")?;
            return TcpStream::connect((ip, port)).await.map(drop).map_err(|e| e.to_string());
        }
        Err("it asks nothing".into())
    };
    timeout(limit, asked).await.unwrap_or_else(|_| Err(format!("no answer within {} s", limit.as_secs())))
}

/// Asks a container by HTTP.
///
/// # Errors
/// It does not answer as it should.
pub async fn get_of(http: &HTTPGetAction, container: &Container, ip: Ipv4Addr) -> Result<(), String> {
    let port = port_of(&http.port, container).ok_or("the probe's port has no number")?;
    let host = http.host.clone().unwrap_or_else(|| ip.to_string());
    get(&host, port, http.path.as_deref().unwrap_or("/")).await
}

/// The number of a port, which may be named in the container.
pub fn port_of(port: &IntOrString, container: &Container) -> Option<u16> {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => {
            let named = container.ports.iter().flatten().find(|p| p.name.as_ref() == Some(name));
            named.map_or_else(|| name.parse().ok(), |p| Some(p.container_port))?
        }
    };
    u16::try_from(number).ok()
}

async fn get(host: &str, port: u16, path: &str) -> Result<(), String> {
    let words = |e: std::io::Error| e.to_string();
    let mut stream = TcpStream::connect((host, port)).await.map_err(words)?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: kube-probe/1.34\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.map_err(words)?;
    let mut answer = Vec::new();
    stream.take(LINE as u64).read_to_end(&mut answer).await.map_err(words)?;
    let line = String::from_utf8_lossy(&answer);
    let code = line.split(' ').nth(1).and_then(|c| c.parse::<u16>().ok()).ok_or("no HTTP answer")?;
    if (200..400).contains(&code) {
        Ok(())
    } else {
        Err(format!("HTTP probe failed with statuscode: {code}"))
    }
}
