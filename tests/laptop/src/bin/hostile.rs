//! A benchmark: the operator under its chart's memory limit, one good scheduler, and many that mean harm.
//!
//! The API server is the one in memory, pods never run, and schedulers are sockets of this process. Prints the
//! operator's peak memory and how long it kept the good scheduler waiting between an answer and the next question.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use dask_comm::{Connection, Hello, Limits, Timeouts, Value, field, frames, message};
use kube_memory_api_server::{ApiServer, Call, Definitions, Settings, http};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// Memory limit of the operator's container in the chart, KiB.
const LIMIT_KIB: u64 = 128 << 10;
/// The longest that the good scheduler may be kept waiting.
const LATENCY: Duration = Duration::from_millis(100);
const NAMESPACE: &str = "default";
/// Pods that each cluster has.
const PODS: usize = 5;

/// Measures the operator among hostile schedulers.
#[derive(Debug, Parser)]
struct Args {
    /// The operator's program.
    operator: PathBuf,
    /// Hostile schedulers.
    #[arg(long, default_value_t = 50)]
    hostile: usize,
    /// Seconds that it lasts.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// How a scheduler behaves.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Good,
    /// 3.3 million nils: the reply that once took 130 MB.
    Nils,
    /// An identity of 100,000 workers.
    Crowd,
    /// Nothing but nesting, in as many bytes as are let through.
    Nested,
    /// As many bytes as are let through are declared, and all but one come.
    Stalls,
    /// The same, a byte at a time.
    Drips,
    /// As many workers as are let through, with names as long as may be.
    Stuffed,
}

const HOSTILE: [Mood; 6] = [Mood::Nils, Mood::Crowd, Mood::Nested, Mood::Stalls, Mood::Drips, Mood::Stuffed];

/// How long the operator took from an answer of the good scheduler to its next question.
type Waits = Arc<Mutex<Vec<Duration>>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let args = Args::parse();
    let dir = std::env::temp_dir().join(format!("hostile-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let measured = measure(&args, &dir).await;
    std::fs::remove_dir_all(&dir)?;
    measured
}

async fn measure(args: &Args, dir: &std::path::Path) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let api = listener.local_addr()?;
    let settings =
        Settings { managed_fields: true, journal: false, services: [10, 96], ..Settings::default() };
    let server = ApiServer::with_definitions(
        &Definitions::new(&dask_crds::definitions())?,
        jiff::Timestamp::now,
        settings,
    );
    let routes = http::router(server.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let waits = Waits::default();
    let replies = Replies::new()?;
    for n in 0..=args.hostile {
        let mood = if n == 0 { Mood::Good } else { HOSTILE[n % HOSTILE.len()] };
        let port = schedule(mood, replies.clone(), waits.clone()).await?;
        create(&server, &format!("c{n}"), port)?;
    }
    let mut operator = start(args, dir, api)?;
    let peak = watch(&mut operator, Duration::from_secs(args.seconds)).await;
    operator.kill()?;
    operator.wait()?;
    let peak = peak.with_context(|| {
        let log = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
        log.lines().rev().take(5).collect::<Vec<_>>().join("\n")
    })?;
    report(args, peak, &waits)
}

fn report(args: &Args, peak_kib: u64, waits: &Waits) -> Result<()> {
    let mut waits = waits.lock().unwrap_or_else(PoisonError::into_inner).clone();
    waits.sort();
    let Some(longest) = waits.last().copied() else { bail!("the good scheduler was never asked") };
    let p99 = waits[(waits.len() - 1) * 99 / 100];
    println!("hostile schedulers    {}", args.hostile);
    println!("peak memory           {:.1} MiB of {} MiB", peak_kib as f64 / 1024.0, LIMIT_KIB >> 10);
    println!("good scheduler waits  p99 {p99:?}, longest {longest:?}, {} questions", waits.len());
    if peak_kib > LIMIT_KIB {
        bail!("more memory than the chart's limit: a kernel would have ended the operator");
    }
    if p99 > LATENCY {
        bail!("the good scheduler waited longer than {LATENCY:?}");
    }
    Ok(())
}

fn start(args: &Args, dir: &std::path::Path, api: SocketAddr) -> Result<Child> {
    let kubeconfig = dir.join("kubeconfig");
    std::fs::write(
        &kubeconfig,
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: \"http://{api}\"}}}}]\n\
             contexts: [{{name: c, context: {{cluster: c, user: u, namespace: {NAMESPACE}}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
        ),
    )?;
    let log = std::fs::File::create(dir.join("log"))?;
    Command::new(&args.operator)
        .args(["--scheduler-access", "direct", "--http-address", "127.0.0.1:0"])
        .env("KUBECONFIG", kubeconfig)
        .stdout(Stdio::from(log.try_clone()?))
        .stderr(Stdio::from(log))
        .spawn()
        .with_context(|| format!("starting {}", args.operator.display()))
}

/// The most memory that the process had, KiB.
async fn watch(operator: &mut Child, time: Duration) -> Result<u64> {
    let until = Instant::now() + time;
    let mut peak = 0;
    while Instant::now() < until {
        if let Some(status) = operator.try_wait()? {
            bail!("the operator ended: {status}");
        }
        let status = std::fs::read_to_string(format!("/proc/{}/status", operator.id()))?;
        let high =
            status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        peak = high.unwrap_or(peak);
        sleep(Duration::from_millis(200)).await;
    }
    Ok(peak)
}

/// A cluster with an autoscaler, and the pod of its scheduler.
fn create(server: &ApiServer, name: &str, port: u16) -> Result<()> {
    let labels = json!({"dask.org/cluster-name": name, "dask.org/component": "scheduler"});
    let container = json!({"name": "c", "image": "dask", "args": ["dask", "worker"]});
    let scheduler = json!({"name": "scheduler", "image": "dask",
        "ports": [{"name": "tcp-comm", "containerPort": port}]});
    let cluster = json!({"metadata": {"name": name, "namespace": NAMESPACE}, "spec": {
        "worker": {"replicas": PODS, "spec": {"containers": [container]}},
        "scheduler": {"spec": {"containers": [scheduler.clone()]}, "service": {
            "selector": labels, "ports": [{"name": "tcp-comm", "port": 8786}]}}}});
    let autoscaler = json!({"metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"cluster": name, "minimum": PODS, "maximum": PODS}});
    let pod = json!({"metadata": {"name": format!("{name}-scheduler-0"), "namespace": NAMESPACE, "labels": labels},
        "spec": {"containers": [scheduler], "nodeName": "n"}});
    for (resource, body) in [("daskclusters", cluster), ("daskautoscalers", autoscaler), ("pods", pod)] {
        let namespace = NAMESPACE.to_string();
        let call = Call::Create { resource, namespace, body };
        server.call("bench", call).map_err(|s| anyhow::anyhow!("{resource} of {name}: {}", s.message))?;
    }
    let patch = json!({"status": {"phase": "Running", "podIP": "127.0.0.1"}});
    let (namespace, name) = (NAMESPACE.to_string(), format!("{name}-scheduler-0"));
    let call = Call::MergePatch { resource: "pods", namespace, name, subresource: Some("status"), patch };
    server.call("bench", call).map_err(|s| anyhow::anyhow!("{}", s.message)).map(drop)
}

/// What schedulers send, made once.
#[derive(Clone)]
struct Replies(Arc<BTreeMap<&'static str, Vec<u8>>>);

impl Replies {
    fn new() -> Result<Self> {
        let nils = [b"\xdd".as_slice(), &3_300_000_u32.to_be_bytes(), &vec![0xc0; 3_300_000]].concat();
        let mut nested = vec![0x91; 780 << 10];
        nested.push(0xc0);
        let replies = [
            ("nils", frames::encode(&[nils]).to_vec()),
            ("nested", frames::encode(&[nested]).to_vec()),
            ("crowd", frames::encode(&[message::encode(&identity(100_000, 4))?]).to_vec()),
            ("stuffed", frames::encode(&[message::encode(&identity(400, 100))?]).to_vec()),
            ("cut", [0, 1, 780 << 10].iter().flat_map(|w: &u64| w.to_le_bytes()).collect()),
        ];
        Ok(Self(Arc::new(replies.into())))
    }

    fn of(&self, mood: Mood) -> &[u8] {
        let name = match mood {
            Mood::Nils => "nils",
            Mood::Nested => "nested",
            Mood::Crowd => "crowd",
            Mood::Stuffed => "stuffed",
            Mood::Good | Mood::Stalls | Mood::Drips => "cut",
        };
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

/// An identity with so many workers, whose names are so long.
fn identity(workers: usize, name: usize) -> Value {
    let entries = (0..workers).map(|n| {
        let address = format!("tcp://10.{}.{}.{}:1", n >> 16, n >> 8 & 255, n & 255);
        let text = |key: &str, value: &str| (key.into(), Value::from(value));
        let entry = vec![
            text("name", &"x".repeat(name)),
            text("host", "10.0.0.1"),
            text("status", "running"),
            ("metrics".into(), Value::Map(vec![])),
        ];
        (address.into(), Value::Map(entry))
    });
    let entries = Value::Map(entries.collect());
    Value::Map(vec![("id".into(), "s".into()), ("started".into(), 1.0.into()), ("workers".into(), entries)])
}

/// Starts a scheduler, and answers its port.
async fn schedule(mood: Mood, replies: Replies, waits: Waits) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (replies, waits) = (replies.clone(), waits.clone());
            tokio::spawn(async move {
                // Whatever the operator makes of it is measured on its side.
                let _ = match mood {
                    Mood::Good => answer(stream, &waits).await,
                    _ => flood(stream, mood, &replies).await,
                };
            });
        }
    });
    Ok(port)
}

async fn answer(stream: TcpStream, waits: &Waits) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut peer = Connection::accept(stream, Limits::default(), Timeouts::default()).await?;
    let mut answered: Option<Instant> = None;
    while let Some(question) = peer.read_message().await? {
        let op = field(&question.head, "op").and_then(Value::as_str).unwrap_or_default();
        // The next reading begins with its own time; the questions of one follow each other at once.
        if let (true, Some(at)) = (op != "identity", answered) {
            waits.lock().unwrap_or_else(PoisonError::into_inner).push(at.elapsed());
        }
        let reply = if op == "identity" { identity(PODS, 8) } else { PODS.into() };
        peer.write_message(&reply).await?;
        answered = Some(Instant::now());
    }
    Ok(())
}

/// Answers every question with harm.
async fn flood(mut stream: TcpStream, mood: Mood, replies: &Replies) -> Result<()> {
    let hello = message::encode(&Hello::default().to_value())?;
    stream.write_all(&frames::encode(&[hello])).await?;
    let mut question = [0; 4096];
    stream.read_exact(&mut question[..66]).await?;
    while stream.read(&mut question).await? > 0 {
        stream.write_all(replies.of(mood)).await?;
        match mood {
            Mood::Stalls => {
                stream.write_all(&vec![0xc0; (780 << 10) - 1]).await?;
                sleep(Duration::from_secs(60)).await;
            }
            Mood::Drips => loop {
                stream.write_all(&[0xc0]).await?;
                sleep(Duration::from_millis(100)).await;
            },
            _ => {}
        }
    }
    Ok(())
}
