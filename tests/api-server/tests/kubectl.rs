//! The server as kubectl sees it: the real program, over HTTP. KUBECTL names the program if it is not the one in PATH.

#![allow(clippy::unwrap_used, clippy::expect_used)] // All of it is a test.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output},
};

use kube_memory_api_server::{ApiServer, Definitions, Settings, http};

const MANIFESTS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: a}}
spec: {containers: [{name: main, image: busybox}]}
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {selector: {app: a}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  replicas: 2
  selector: {matchLabels: {app: d}}
  template: {metadata: {labels: {app: d}}, spec: {containers: [{name: main, image: busybox}]}}
---
apiVersion: kubernetes.dask.org/v1
kind: DaskWorkerGroup
metadata: {name: g}
spec: {cluster: c, worker: {replicas: 2, spec: {containers: [{name: worker, image: x, args: [dask-worker]}]}}}
"#;

/// A server, and a home for kubectl with manifests in it.
struct World {
    url: String,
    home: PathBuf,
}

impl World {
    fn new(name: &str) -> Self {
        let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("kubectl {name}"));
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("all.yaml"), MANIFESTS).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(|| serve(listener));
        Self { url, home }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let program = std::env::var("KUBECTL").unwrap_or_else(|_| "kubectl".into());
        let mut command = Command::new(program);
        command.args(["--server", &self.url, "--kubeconfig", "/dev/null"]).args(arguments);
        command.env("HOME", &self.home).env("EDITOR", "sed -i s/busybox/alpine/");
        command.current_dir(&self.home).output().expect("kubectl")
    }

    /// What it prints where all goes well.
    #[track_caller]
    fn kubectl(&self, arguments: &str) -> String {
        let output = self.run(&arguments.split(' ').collect::<Vec<_>>());
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "kubectl {arguments}: {err}{out}");
        out.trim_end().to_string()
    }

    /// What it complains of.
    #[track_caller]
    fn refused(&self, arguments: &str) -> String {
        let output = self.run(&arguments.split(' ').collect::<Vec<_>>());
        assert!(!output.status.success(), "kubectl {arguments}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// It prints these lines, which are compared word by word.
    #[track_caller]
    fn prints(&self, arguments: &str, lines: &[&str]) {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let seen: Vec<String> = self.kubectl(arguments).lines().map(words).collect();
        assert_eq!(seen, lines, "kubectl {arguments}");
    }
}

fn serve(listener: TcpListener) {
    // A clock that stands still: every age is 0s.
    let now = jiff::Timestamp::now();
    let settings = Settings { managed_fields: true, ..Settings::default() };
    let server = ApiServer::with_definitions(
        &Definitions::new(&dask_crds::definitions()).unwrap(),
        move || now,
        settings,
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        axum::serve(listener, http::router(server)).await.unwrap();
    });
}

#[test]
#[ignore = "needs kubectl"]
fn it_prints_tables() {
    let world = World::new("tables");
    world.kubectl("apply -f all.yaml");
    world.prints("get pods", &["NAME READY STATUS RESTARTS AGE", "p 0/1 Pending 0 0s"]);
    world.prints(
        "get pods -o wide -A",
        &[
            "NAMESPACE NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES",
            "default p 0/1 Pending 0 0s <none> <none> <none> <none>",
        ],
    );
    world.prints(
        "get svc -l app!=x --sort-by=.metadata.name",
        &["NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE", "s ClusterIP 10.96.1.1 <none> 80/TCP 0s"],
    );
    world.prints("get deploy", &["NAME READY UP-TO-DATE AVAILABLE AGE", "d 0/2 0 0 0s"]);
    world.kubectl("patch daskworkergroup g --subresource=status --type=merge -p {\"status\":{\"workers\":{\"ready\":1}}}");
    world.prints("get daskworkergroups", &["NAME WORKERS READY AGE", "g 2 1 0s"]);
    world.prints("get deploy d --subresource=scale", &["NAME DESIRED AVAILABLE AGE", "d 2 0 0s"]);
    world.prints("get pods --chunk-size=1 -o name", &["pod/p"]);
    world.prints(
        "get pods -w --request-timeout=1s",
        &["NAME READY STATUS RESTARTS AGE", "p 0/1 Pending 0 0s"],
    );
    world.prints("get ns", &["NAME STATUS AGE", "default Active 0s", "kube-system Active 0s"]);
    assert!(world.refused("get pod q").contains("pods \"q\" not found"));
}

#[test]
#[ignore = "needs kubectl"]
fn it_applies_and_changes() {
    let world = World::new("changes");
    assert!(world.kubectl("apply -f all.yaml --dry-run=server --validate=strict").contains("server dry run"));
    assert!(world.kubectl("apply -f all.yaml").contains("deployment.apps/d created"));
    assert!(world.kubectl("apply -f all.yaml").contains("deployment.apps/d unchanged"));
    assert!(
        world.kubectl("apply -f all.yaml --server-side --force-conflicts").contains("serverside-applied")
    );
    assert_eq!(world.kubectl("diff -f all.yaml"), "");
    world.kubectl("label pod p x=y");
    world.kubectl("annotate pod p x=y");
    world.kubectl("edit deploy d");
    world.prints("get deploy d -o jsonpath={.spec.template.spec.containers[0].image}", &["alpine"]);
    assert!(world.refused("diff -f all.yaml").is_empty());
    world.kubectl("scale deploy d --replicas=3");
    world.kubectl("scale daskworkergroup g --replicas=4");
    world.prints("get daskworkergroup g -o jsonpath={.spec.worker.replicas}", &["4"]);
    world.kubectl("wait --for=jsonpath={.status.phase}=Pending pod/p --timeout=5s");
    assert!(world.refused("wait --for=condition=Ready pod/p --timeout=1s").contains("timed out"));
    assert!(world.refused("rollout status deploy d --timeout=1s").contains("timed out"));
    world.kubectl("replace -f all.yaml --force --grace-period=0");
    world.kubectl("delete daskworkergroup g --cascade=background");
    world.kubectl("wait --for=delete daskworkergroup/g --timeout=5s");
    fs::write(world.home.join("bad.yaml"), MANIFESTS.replace("replicas:", "replica:")).unwrap();
    assert!(world.refused("apply -f bad.yaml --validate=strict").contains("unknown field"));
}

#[test]
#[ignore = "needs kubectl"]
fn it_makes_objects_of_arguments() {
    let world = World::new("arguments");
    world.kubectl("create configmap c --from-literal=a=b");
    world.prints("get configmap c -o jsonpath={.data}", &["{\"a\":\"b\"}"]);
    world.kubectl("create secret generic s --from-literal=a=b");
    world.prints("get secret s -o jsonpath={.data.a}", &["Yg=="]);
    world.kubectl("create deployment d --image=x --replicas=0 --port=80 -- sleep 1");
    world.prints(
        "get deploy d -o jsonpath={.spec.replicas}{.spec.template.spec.containers[0].ports}",
        &["0[{\"containerPort\":80,\"protocol\":\"TCP\"}]"],
    );
    world.kubectl("create service clusterip s --tcp=80:http");
    world.prints("get svc s -o jsonpath={.spec.ports[0].targetPort}", &["http"]);
    world.kubectl("create quota q --hard=pods=3");
    world.prints("get quota q -o jsonpath={.spec.hard.pods}", &["3"]);
    world.kubectl("create serviceaccount a");
    world.kubectl("create namespace n");
    world.kubectl("run r --image=x");
    world.kubectl("delete pod r --now");
    world.prints("auth can-i create daskclusters", &["yes"]);
}

#[test]
#[ignore = "needs kubectl"]
fn it_finds_its_way() {
    let world = World::new("way");
    world.kubectl("apply -f all.yaml");
    assert!(world.kubectl("version").contains("v1.34"));
    assert!(world.kubectl("cluster-info").contains("is running at"));
    assert!(world.kubectl("api-versions").contains("kubernetes.dask.org/v1"));
    assert!(world.kubectl("api-resources").contains("daskworkergroups"));
    assert!(world.kubectl("explain daskcluster.spec.worker").contains("The default worker group."));
    assert!(world.kubectl("explain pod.spec --recursive").contains("topologySpreadConstraints"));
    for what in ["pod p", "deploy d", "svc s", "daskworkergroup g", "ns default", "crd", "all"] {
        assert!(world.kubectl(&format!("describe {what}")).contains("Name:"), "{what}");
    }
    world.kubectl("get events");
    world.kubectl("events");
    world.kubectl("get all -A -o wide");
}
