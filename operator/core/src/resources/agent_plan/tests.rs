//! Which workers get the agent, where, and what is said where they do not.

use serde_json::json;

use super::*;

fn settings() -> Settings {
    Settings { image: Some("agent:1".into()), ..Settings::default() }
}

fn worker(spec: Value) -> WorkerSpec {
    serde_json::from_value(json!({ "spec": spec })).unwrap()
}

fn with(container: Value) -> WorkerSpec {
    worker(json!({ "containers": [container] }))
}

/// The container that gets it, or the reason why none does.
fn outcome(worker: &WorkerSpec) -> Result<usize, &'static str> {
    match Plan::of(worker, &settings()) {
        Plan::NoImage => Err("NoImage"),
        Plan::Without { reason, .. } => Err(reason),
        Plan::Run { container, .. } => Ok(container),
    }
}

#[test]
fn the_container_is_the_one_that_starts_a_worker() {
    let other = json!({"name": "other", "args": ["serve", "dask", "dashboard", "worker"]});
    for says in [
        json!({"command": ["dask-worker"]}),
        json!({"command": ["dask"], "args": ["worker", "--nthreads", "2"]}),
        json!({"args": ["dask", "worker"]}),
        json!({"args": ["dask", "cuda", "worker"]}),
        json!({"args": ["dask", "spec", "--spec", "{}"]}),
        json!({"args": ["dask-cuda-worker"]}),
        json!({"command": ["/opt/conda/bin/dask-worker", "tcp://s:8786"]}),
        json!({"command": ["python", "-m", "distributed.cli.dask_worker"]}),
        json!({"command": ["sh", "-c", "pip install x && exec dask worker tcp://s:8786;"]}),
        json!({"args": ["bash", "-c", "(dask-worker \"$A\")"]}),
    ] {
        let worker = worker(json!({"containers": [other, says, {"args": ["dask", "worker"]}]}));
        assert_eq!(outcome(&worker), Ok(1), "{says}");
    }
}

#[test]
fn a_side_car_never_gets_it_for_its_place_or_for_words_about_a_worker() {
    let proxy = json!({"name": "proxy", "args": ["--uri=http://127.0.0.1:8080/"]});
    let watcher = json!({"name": "watcher", "command": ["exporter", "--process", "dask-worker"]});
    let shell = json!({"name": "x", "command": ["sh", "-c", "while pgrep dask-worker; do sleep 1; done"]});
    let by_script = |name: &str| json!({"name": name, "command": ["/opt/start.sh"]});
    let of = |containers: Value| outcome(&worker(json!({ "containers": containers })));
    assert_eq!(of(json!([proxy, watcher, shell, by_script("worker")])), Ok(3), "its name tells");
    assert_eq!(of(json!([proxy, watcher, shell, by_script("main")])), Err("NoWorkerContainer"));
    let starts = json!({"name": "main", "args": ["dask", "worker"]});
    assert_eq!(of(json!([by_script("worker"), starts])), Ok(1), "a command line tells more than a name");
    assert_eq!(of(json!([starts, {"name": "worker", "args": ["dask", "worker"]}])), Ok(1));
    assert_eq!(of(json!([by_script("main")])), Ok(0), "there is no other");
}

#[test]
fn an_entry_point_that_is_not_known_runs_as_it_is_written() {
    for args in
        [json!(["worker", "tcp://s:1"]), json!(["-m", "distributed.cli.dask_worker"]), json!(["x.py"])]
    {
        let settings = settings();
        let worker = with(json!({"name": "worker", "args": args}));
        let condition = Plan::of(&worker, &settings).condition().unwrap();
        assert_eq!((condition.holds(), condition.reason()), (false, "EntryPointUnknown"), "{args}");
        let place = format!("spec.worker.spec.containers[0].args[0] {}", args[0]);
        let message = condition.message();
        assert!(message.contains(&place) && message.contains("set command"), "{message}");
        let with_command = with(json!({"name": "worker", "command": args}));
        assert_eq!(outcome(&with_command), Ok(0), "the agent is the first program then: {args}");
    }
    for args in [json!(["dask", "worker"]), json!(["tini", "--", "x"]), json!(["python3", "a.py"])] {
        assert_eq!(outcome(&with(json!({"name": "worker", "args": args}))), Ok(0), "{args}");
    }
    let long = with(json!({"name": "worker", "args": ["w".repeat(5000)]}));
    assert!(Plan::of(&long, &settings()).condition().unwrap().message().len() < 500);
}

#[test]
fn a_container_that_says_nothing_stays_as_it_is() {
    for container in [json!({}), json!({"command": [], "args": null}), json!({"command": "dask worker"})] {
        assert_eq!(outcome(&with(container.clone())), Err("NoCommand"), "{container}");
    }
    let plan = settings();
    let without = worker(json!({"containers": [{}]}));
    let condition = Plan::of(&without, &plan).condition().unwrap();
    assert!(!condition.holds() && condition.message().contains("spec.worker.spec.containers[0] has neither"));
    assert_eq!(outcome(&worker(json!({"containers": []}))), Err("NoWorkerContainer"));
}

#[test]
fn names_of_the_author_are_not_taken_from_them() {
    let spec = |key: &str, value: Value| {
        let mut spec = json!({"containers": [{"name": "worker", "args": ["dask", "worker"]}]});
        spec[key] = value;
        worker(spec)
    };
    let mount = json!([{"name": "x", "mountPath": "/.dask-agent/"}]);
    for (worker, path) in [
        (spec("volumes", json!([{"name": "a"}, {"name": "dask-agent"}])), "volumes[1].name"),
        (spec("initContainers", json!([{"name": "dask-agent"}])), "initContainers[0].name"),
        (
            spec("containers", json!([{"name": "dask-agent", "args": ["dask", "worker"]}])),
            "containers[0].name",
        ),
        (
            spec("containers", json!([{"args": ["dask", "worker"]}, {"volumeMounts": mount}])),
            "containers[1].volumeMounts[0].mountPath",
        ),
        (
            spec("initContainers", json!([{"name": "a", "volumeMounts": mount}])),
            "initContainers[0].volumeMounts[0].mountPath",
        ),
    ] {
        let settings = settings();
        let condition = Plan::of(&worker, &settings).condition().unwrap();
        assert_eq!((condition.holds(), condition.reason()), (false, "NameTaken"));
        assert!(condition.message().contains(path), "{path}: {}", condition.message());
    }
    assert_eq!(outcome(&spec("volumes", json!([{"name": "agent"}]))), Ok(0));
}

#[test]
fn windows_has_no_agent() {
    let mut spec = json!({"containers": [{"args": ["dask", "worker"]}], "os": {"name": "linux"}});
    assert_eq!(outcome(&worker(spec.clone())), Ok(0));
    spec["os"]["name"] = json!("windows");
    assert_eq!(outcome(&worker(spec.clone())), Err("Windows"));
    spec["os"] = Value::Null;
    spec["nodeSelector"] = json!({"kubernetes.io/os": "windows"});
    assert_eq!(outcome(&worker(spec)), Err("Windows"));
}

#[test]
fn a_workers_own_mode_wins_and_without_an_image_there_is_nothing_to_say() {
    let mut worker = with(json!({"args": ["dask", "worker"]}));
    let mode = |worker: &WorkerSpec, mode| Plan::of(worker, &Settings { mode, ..settings() }).mode();
    use AgentMode::{Disabled, Drain};
    assert_eq!((mode(&worker, Drain), mode(&worker, Disabled)), (Some(Drain), None));
    worker.agent = Some(serde_json::from_value(json!({})).unwrap());
    assert_eq!((mode(&worker, Drain), mode(&worker, Disabled)), (Some(Drain), None));
    worker.agent = Some(serde_json::from_value(json!({"mode": "Drain"})).unwrap());
    assert_eq!((mode(&worker, Drain), mode(&worker, Disabled)), (Some(Drain), Some(Drain)));
    worker.agent = Some(serde_json::from_value(json!({"mode": "Disabled"})).unwrap());
    assert_eq!((mode(&worker, Drain), mode(&worker, Disabled)), (None, None));
    assert_eq!(Plan::of(&worker, &Settings::default()).condition(), None);
}

#[test]
fn only_a_plain_worker_gets_another_nanny() {
    let full = Settings { mode: AgentMode::Full, ..settings() };
    let told = |container: Value| {
        let worker = with(container);
        let plan = Plan::of(&worker, &full);
        (plan.mode(), plan.condition().unwrap().message().to_owned())
    };
    for plain in [
        json!({"args": ["dask", "worker", "--name", "$(DASK_WORKER_NAME)"]}),
        json!({"command": ["conda", "run", "dask-worker"], "args": ["--nthreads", "2"]}),
    ] {
        let (mode, message) = told(plain);
        assert_eq!(mode, Some(AgentMode::Full));
        assert!(message.contains("takes the place of Dask's Nanny"), "{message}");
    }
    let preload = json!([{"name": "DASK_DISTRIBUTED__NANNY__PRELOAD", "value": "x"}]);
    for (other, why) in [
        (json!({"args": ["dask", "cuda", "worker"]}), "does not contain `dask worker`"),
        (json!({"command": ["sh", "-c", "dask worker"]}), "does not contain `dask worker`"),
        (json!({"args": ["dask", "worker", "--nworkers", "auto"]}), "--nworkers auto"),
        (json!({"args": ["dask", "worker"], "env": preload}), "is for a Nanny of Python"),
    ] {
        let (mode, message) = told(other);
        assert_eq!(mode, Some(AgentMode::Drain));
        assert!(message.contains("they keep Dask's own Nanny") && message.contains(why), "{message}");
    }
}
