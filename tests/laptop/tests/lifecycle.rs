//! How the program begins and ends: nothing of it is left, whatever ends it, and what is wrong is told in one line.
//!
//! It needs no Dask: its "Python" is a script that knows a version, and pods run programs that every machine has.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use kube::{Client, Config};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

const LAPTOP: &str = env!("CARGO_BIN_EXE_laptop");

/// An agent as far as a pod needs one: it installs itself, and runs what it is given.
const AGENT: &str = r#"#!/bin/sh
case "$1" in
  install) cp "$0" "$2/dask-agent" ;;
  run) shift 2; exec "$@" ;;
esac
"#;

/// A folder of its own, with a Python that has Dask as far as this program asks.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("laptop-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("bin")).unwrap();
        let place = Self(dir);
        place.script("python", "#!/bin/sh\necho 2026.8.0\n");
        place.script("agent", AGENT);
        place
    }

    fn script(&self, name: &str, text: &str) {
        let path = self.0.join("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn cluster(&self) -> PathBuf {
        self.0.join("cluster")
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(LAPTOP);
        let program = |name: &str| self.0.join("bin").join(name);
        command.arg("--python").arg(program("python")).arg("--agent").arg(program("agent"));
        command.arg("--dir").arg(self.cluster()).args(more);
        command
    }

    fn fails(&self, more: &[&str]) -> String {
        let Output { status, stderr, .. } = self.command(more).output().unwrap();
        assert!(!status.success());
        String::from_utf8(stderr).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running cluster, ended with its test.
struct Cluster {
    child: Child,
    /// Host and port of its API server.
    api: String,
    runtime: Runtime,
    client: Client,
}

impl Cluster {
    fn start(place: &Place) -> Self {
        let mut child = place.command(&[]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let api = line.split(['/', ',']).nth(2).unwrap().to_string();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let config = Config::new(format!("http://{api}").parse().unwrap());
        let client = runtime.block_on(async { Client::try_from(config) }).unwrap();
        Self { child, api, runtime, client }
    }

    fn send(&self, request: http::request::Builder, body: &[u8]) -> Value {
        let request = request.header("content-type", "application/json").body(body.to_vec()).unwrap();
        self.runtime.block_on(self.client.request(request)).unwrap()
    }

    fn create(&self, pod: &Value) {
        self.send(http::Request::post(PODS), pod.to_string().as_bytes());
    }

    fn get(&self, name: &str) -> Value {
        self.send(http::Request::get(format!("{PODS}/{name}")), b"")
    }

    fn delete(&self, name: &str) {
        self.send(http::Request::delete(format!("{PODS}/{name}")), b"");
    }

    fn end(&mut self, signal: Signal) {
        if self.child.try_wait().unwrap().is_none() {
            kill_process(Pid::from_child(&self.child), signal).unwrap();
            self.child.wait().unwrap();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end(Signal::TERM);
    }
}

/// Waits for something to be so.
fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

const PODS: &str = "/api/v1/namespaces/default/pods";

fn pod(name: &str, image: &str, command: &[&str]) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": image, "command": command}]}})
}

/// A cluster with a pod whose process has a child, both of which run.
fn with_a_pod(place: &Place) -> Cluster {
    let cluster = Cluster::start(place);
    let line = ["sh", "-c", "sleep 1000 & echo $! > child; wait"];
    cluster.create(&pod("busy", "ghcr.io/dask/dask", &line));
    until("the pod runs", || processes(&place.cluster()).len() >= 2);
    cluster
}

/// Processes of pods of this cluster.
fn processes(dir: &Path) -> Vec<String> {
    let mark = format!("LAPTOP_DIR={}", dir.display());
    let all = fs::read_dir("/proc").unwrap().flatten().map(|e| e.path());
    let mine = all.filter(|p| {
        let variables = fs::read(p.join("environ")).unwrap_or_default();
        variables.split(|b| *b == 0).any(|v| v == mark.as_bytes())
    });
    mine.map(|p| p.display().to_string()).collect()
}

#[test]
fn nothing_is_left_whatever_ends_it() {
    for (name, signal) in
        [("int", Signal::INT), ("term", Signal::TERM), ("hup", Signal::HUP), ("kill", Signal::KILL)]
    {
        let place = Place::new(name);
        with_a_pod(&place).end(signal);
        until("no process is left", || processes(&place.cluster()).is_empty());
        until("no file is left", || !place.cluster().exists());
        Cluster::start(&place);
    }
}

#[test]
fn a_deleted_pod_ends_within_its_grace_period_and_its_logs_go() {
    let place = Place::new("deleted");
    let cluster = with_a_pod(&place);
    cluster.delete("busy");
    until("its processes end", || processes(&place.cluster()).is_empty());
    until("its folder goes", || fs::read_dir(place.cluster().join("pods")).unwrap().next().is_none());
}

#[test]
fn what_a_pod_does_is_told_as_a_kubelet_tells_it() {
    let place = Place::new("told");
    let cluster = Cluster::start(&place);
    let status = |name: &str| cluster.get(name)["status"].clone();
    let state = |name: &str| status(name)["containerStatuses"][0]["state"].clone();
    cluster.create(&pod("good", "ghcr.io/dask/dask", &["sh", "-c", "echo done"]));
    cluster.create(&pod("bad", "ghcr.io/dask/dask", &["sh", "-c", "exit 3"]));
    cluster.create(&pod("killed", "ghcr.io/dask/dask", &["sh", "-c", "kill -9 $$$$"]));
    cluster.create(&pod("missing", "ghcr.io/dask/dask", &["no-such-program"]));
    cluster.create(&pod("other", "nginx:1", &["nginx"]));
    until("the good one succeeds", || status("good")["phase"] == "Succeeded");
    for (name, code) in [("bad", 3), ("killed", 137), ("missing", 128)] {
        until(name, || status(name)["phase"] == "Failed");
        assert_eq!(state(name)["terminated"]["exitCode"], code, "{name}");
    }
    until("the other one is refused", || state("other")["waiting"]["reason"] == "ErrImagePull");
    let why = state("other")["waiting"]["message"].to_string();
    assert!(why.contains("nginx:1") && why.contains("make demo-kind"), "{why}");
    assert_eq!(cluster.get("good")["spec"]["nodeName"], "laptop");
}

#[test]
fn what_comes_first_is_there_for_what_follows() {
    let place = Place::new("first");
    let cluster = Cluster::start(&place);
    let mut pod = pod("agent", "ghcr.io/dask/dask", &[]);
    let mount = json!([{"name": "agent", "mountPath": "/.dask-agent"}]);
    let install = json!({"name": "first", "image": "dask-operator:laptop", "volumeMounts": mount,
        "command": ["/dask-agent", "install", "/.dask-agent"]});
    pod["spec"]["initContainers"] = json!([install]);
    pod["spec"]["volumes"] = json!([{"name": "agent", "emptyDir": {}}]);
    let container = &mut pod["spec"]["containers"][0];
    container["volumeMounts"] = mount;
    let line =
        ["/.dask-agent/dask-agent", "run", "--", "sh", "-c", "echo well > /dev/termination-log; exit 3"];
    container["command"] = json!(line);
    let mut other = pod.clone();
    cluster.create(&pod);
    other["metadata"]["name"] = json!("entry");
    let container = &mut other["spec"]["containers"][0];
    container["image"] = json!("dask-entry-point:1");
    container["env"] = json!([{"name": "ENTRY_POINT", "value": r#"shift; exec "$@""#}]);
    container["args"] = json!([&["taken"], &line[..]].concat());
    container["command"] = json!([]);
    cluster.create(&other);
    for name in ["agent", "entry"] {
        until(name, || cluster.get(name)["status"]["phase"] == "Failed");
        let status = cluster.get(name)["status"].clone();
        let ended = &status["containerStatuses"][0]["state"]["terminated"];
        assert_eq!((&ended["exitCode"], &ended["message"]), (&json!(3), &json!("well\n")), "{status}");
        let first = &status["initContainerStatuses"][0];
        assert_eq!((&first["ready"], &first["state"]["terminated"]["exitCode"]), (&json!(true), &json!(0)));
    }
}

#[test]
fn what_cannot_come_first_keeps_the_rest_from_starting() {
    let place = Place::new("not-first");
    let cluster = Cluster::start(&place);
    let mut pod = pod("never", "ghcr.io/dask/dask", &["true"]);
    pod["spec"]["initContainers"] =
        json!([{"name": "first", "image": "ghcr.io/dask/dask", "command": ["false"]}]);
    cluster.create(&pod);
    until("it fails", || cluster.get("never")["status"]["phase"] == "Failed");
    let status = cluster.get("never")["status"].clone();
    assert!(status["containerStatuses"][0]["state"]["waiting"].is_object(), "{status}");
}

#[test]
fn a_hook_comes_before_the_end_and_nothing_outlives_the_container() {
    let place = Place::new("hook");
    let cluster = Cluster::start(&place);
    // What hears SIGTERM tells whether the hook was there before; a session of its own hears nothing.
    let told = place.0.join("told");
    let line = format!(
        "setsid sleep 1000 & trap 'cat /shared/left > {}; exit 0' TERM; echo > /shared/ready; while :; do sleep 0.1; done",
        told.display()
    );
    let mut pod = pod("hook", "ghcr.io/dask/dask", &["sh", "-c", &line]);
    pod["spec"]["volumes"] = json!([{"name": "shared", "emptyDir": {}}]);
    let container = &mut pod["spec"]["containers"][0];
    container["volumeMounts"] = json!([{"name": "shared", "mountPath": "/shared"}]);
    let hook = "test -f /shared/ready && echo hook > /shared/left";
    container["lifecycle"] = json!({"preStop": {"exec": {"command": ["sh", "-c", hook]}}});
    cluster.create(&pod);
    until("it is ready", || {
        let pods = fs::read_dir(place.cluster().join("pods")).unwrap().flatten();
        pods.into_iter().any(|pod| pod.path().join("volumes/shared/ready").exists())
    });
    cluster.delete("hook");
    until("its processes end", || processes(&place.cluster()).is_empty());
    assert_eq!(fs::read_to_string(told).unwrap(), "hook\n");
}

#[test]
fn what_is_wrong_is_told_in_one_line() {
    let place = Place::new("wrong");
    let cluster = Cluster::start(&place);
    assert!(place.fails(&[]).contains("it runs already"), "a second one in the same folder");
    let bare = Place::new("agent");
    fs::remove_file(bare.0.join("bin/agent")).unwrap();
    let told = bare.fails(&[]);
    assert!(told.contains("cargo build -p dask-agent") && told.lines().count() == 1, "{told}");
    let other = Place::new("port");
    let port = cluster.api.rsplit(':').next().unwrap();
    let told = other.fails(&["--port", port]);
    assert!(told.contains("is taken") && told.lines().count() == 1, "{told}");
    other.script("python", "#!/bin/sh\necho No module named distributed >&2\nexit 1\n");
    let told = other.fails(&[]);
    assert!(told.contains("has no Dask") && told.lines().count() == 1, "{told}");
}

#[test]
fn a_command_has_the_cluster_and_gives_its_exit_code() {
    let place = Place::new("command");
    let check = "test -s \"$KUBECONFIG\" && test -n \"$LAPTOP_API\" && exit 7";
    assert_eq!(place.command(&["--", "sh", "-c", check]).status().unwrap().code(), Some(7));
    assert!(!place.cluster().exists());
}
