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

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const LAPTOP: &str = env!("CARGO_BIN_EXE_laptop");

/// A folder of its own, with a Python that has Dask as far as this program asks.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("laptop-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("bin")).unwrap();
        let place = Self(dir);
        place.script("python", "#!/bin/sh\necho 2026.8.0\n");
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
        command.arg("--python").arg(self.0.join("bin/python")).arg("--dir").arg(self.cluster()).args(more);
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

/// A running cluster, and the address of its API server.
fn start(place: &Place) -> (Child, String) {
    let mut child = place.command(&[]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.split(['/', ',']).nth(2).unwrap().to_string();
    (child, url)
}

/// Waits for something to be so.
fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A request with a body, by the one HTTP client that is there: kube's.
fn create(api: &str, path: &str, body: &Value) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client =
            kube::Client::try_from(kube::Config::new(format!("http://{api}").parse().unwrap())).unwrap();
        let request = http::Request::post(path).header("content-type", "application/json");
        client.request::<Value>(request.body(body.to_string().into_bytes()).unwrap()).await.unwrap()
    })
}

fn get(api: &str, path: &str) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client =
            kube::Client::try_from(kube::Config::new(format!("http://{api}").parse().unwrap())).unwrap();
        client.request::<Value>(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap()
    })
}

const PODS: &str = "/api/v1/namespaces/default/pods";

fn pod(name: &str, image: &str, command: &[&str]) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": image, "command": command}]}})
}

/// A pod whose process has a child; answers when both run, with the address of the API server.
fn with_a_pod(place: &Place) -> (Child, String) {
    let (child, api) = start(place);
    let line = ["sh", "-c", "sleep 1000 & echo $! > child; wait"];
    create(&api, PODS, &pod("busy", "ghcr.io/dask/dask", &line));
    until("the pod runs", || {
        !processes(&place.cluster()).is_empty() && processes(&place.cluster()).len() >= 2
    });
    (child, api)
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
        let (mut child, _) = with_a_pod(&place);
        kill_process(Pid::from_child(&child), signal).unwrap();
        child.wait().unwrap();
        until("no process is left", || processes(&place.cluster()).is_empty());
        until("no file is left", || !place.cluster().exists());
        let (mut again, _) = start(&place);
        kill_process(Pid::from_child(&again), Signal::TERM).unwrap();
        again.wait().unwrap();
    }
}

#[test]
fn a_deleted_pod_ends_within_its_grace_period_and_its_logs_go() {
    let place = Place::new("deleted");
    let (mut child, api) = with_a_pod(&place);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client =
            kube::Client::try_from(kube::Config::new(format!("http://{api}").parse().unwrap())).unwrap();
        let request = http::Request::delete(format!("{PODS}/busy")).body(Vec::new()).unwrap();
        client.request::<Value>(request).await.unwrap();
    });
    until("its processes end", || processes(&place.cluster()).is_empty());
    until("its folder goes", || fs::read_dir(place.cluster().join("pods")).unwrap().next().is_none());
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    child.wait().unwrap();
}

#[test]
fn what_a_pod_does_is_told_as_a_kubelet_tells_it() {
    let place = Place::new("told");
    let (mut child, api) = start(&place);
    let status = |name: &str| get(&api, &format!("{PODS}/{name}"))["status"].clone();
    let state = |name: &str| status(name)["containerStatuses"][0]["state"].clone();
    create(&api, PODS, &pod("good", "ghcr.io/dask/dask", &["sh", "-c", "echo done"]));
    create(&api, PODS, &pod("bad", "ghcr.io/dask/dask", &["sh", "-c", "exit 3"]));
    create(&api, PODS, &pod("killed", "ghcr.io/dask/dask", &["sh", "-c", "kill -9 $$$$"]));
    create(&api, PODS, &pod("missing", "ghcr.io/dask/dask", &["no-such-program"]));
    create(&api, PODS, &pod("other", "nginx:1", &["nginx"]));
    until("the good one succeeds", || status("good")["phase"] == "Succeeded");
    for (name, code) in [("bad", 3), ("killed", 137), ("missing", 128)] {
        until(name, || status(name)["phase"] == "Failed");
        assert_eq!(state(name)["terminated"]["exitCode"], code, "{name}");
    }
    until("the other one is refused", || state("other")["waiting"]["reason"] == "ErrImagePull");
    let why = state("other")["waiting"]["message"].to_string();
    assert!(why.contains("nginx:1") && why.contains("make demo-kind"), "{why}");
    assert_eq!(get(&api, &format!("{PODS}/good"))["spec"]["nodeName"], "laptop");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    child.wait().unwrap();
}

#[test]
fn what_is_wrong_is_told_in_one_line() {
    let place = Place::new("wrong");
    let (mut child, api) = start(&place);
    assert!(place.fails(&[]).contains("it runs already"), "a second one in the same folder");
    let other = Place::new("port");
    let port = api.rsplit(':').next().unwrap();
    let told = other.fails(&["--port", port]);
    assert!(told.contains("is taken") && told.lines().count() == 1, "{told}");
    other.script("python", "#!/bin/sh\necho No module named distributed >&2\nexit 1\n");
    let told = other.fails(&[]);
    assert!(told.contains("has no Dask") && told.lines().count() == 1, "{told}");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    child.wait().unwrap();
}

#[test]
fn a_command_has_the_cluster_and_gives_its_exit_code() {
    let place = Place::new("command");
    let check = "test -s \"$KUBECONFIG\" && test -n \"$LAPTOP_API\" && exit 7";
    assert_eq!(place.command(&["--", "sh", "-c", check]).status().unwrap().code(), Some(7));
    assert!(!place.cluster().exists());
}
