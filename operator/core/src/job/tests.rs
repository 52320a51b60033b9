//! Jobs, decision by decision.

#[cfg(test)]
pub(crate) mod random_walk;
#[cfg(test)]
pub(crate) mod state_table;
mod stripped_owners;

use serde_json::json;

use super::{testing::*, *};
use crate::{
    model::{object::Job, owner::Owner, pod::PodPhase, runner::ContainerRecord, trouble::Trouble},
    resources,
    validation::dry_run::{Verdict, Verdicts},
    worker_group::testing::T0,
};

fn events(d: &Decision<DaskJobStatus>) -> Vec<(String, String)> {
    let events = d.actions.iter().filter_map(|a| match a {
        Action::Event(e) => Some((e.reason.clone(), e.message.clone())),
        _ => None,
    });
    events.collect()
}

#[test]
fn a_job_goes_its_way_one_step_at_a_time() {
    let mut scene = Scene::new();
    let first = scene.turn();
    assert!(events(&first)[0].1.starts_with("A DaskJob has been created"));
    assert_eq!(scene.job.status.job_status, Some(JobStatus::JobCreated));
    let Action::DryRun(checks) = &scene.turn().actions[0] else { panic!() };
    assert_eq!(checks.len(), 4, "runner, scheduler, Service, worker: before anything is made");
    scene.accept();
    let made = |d: Decision<DaskJobStatus>| -> Vec<Kind> {
        let made = d.actions.iter();
        made.filter_map(|a| if let Action::Create { kind, .. } = a { Some(*kind) } else { None }).collect()
    };
    assert_eq!(made(scene.turn()), [Kind::Cluster]);
    scene.with_cluster();
    assert_eq!(made(scene.turn()), [Kind::Pod], "at once, without waiting for a scheduler");
    scene.with_runner(PodPhase::Pending);
    scene.turn();
    assert_eq!(scene.job.status.job_status, Some(JobStatus::ClusterCreated));
    assert_eq!(scene.job.status.job_runner_pod_name.as_deref(), Some("j-runner"));
    scene.with_runner(PodPhase::Running);
    scene.turn();
    assert_eq!(scene.job.status.start_time, Some(T0.rfc3339()));
    scene.main_ends(0);
    let d = scene.turn();
    assert_eq!(events(&d)[0].1, "Job succeeded, deleting Dask cluster.");
    assert_eq!(scene.job.status.job_status, Some(JobStatus::Running), "not before the cluster goes");
    assert!(scene.turn().actions.iter().any(|a| matches!(a, Action::Delete { kind: Kind::Cluster, .. })));
    scene.turn();
    let status = json!(scene.job.status);
    let keys: Vec<&String> = status.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["clusterName", "endTime", "jobRunnerPodName", "jobStatus", "startTime"]);
    assert_eq!(scene.job.status.job_status, Some(JobStatus::Successful));
    assert_eq!(status["endTime"], T0.plus(Duration::from_secs(30)).rfc3339());
}

#[test]
fn what_was_written_down_stands_whatever_becomes_of_the_pod() {
    let mut scene = Scene::at(JobStatus::Running);
    scene.main_ends(0);
    scene.turn();
    scene.runner = None;
    assert_eq!(scene.ends(), (JobStatus::Successful, "JobSucceeded".into()));
}

#[test]
fn sidecars_do_not_keep_a_job_running_and_end_with_it() {
    let mut scene = Scene::at(JobStatus::Running);
    let runner = scene.pod().runner.as_mut().unwrap();
    runner.containers.insert("a-sidecar".into(), ContainerRecord { started: Some(T0), end: None });
    scene.main_ends(0);
    scene.turn();
    let d = scene.turn();
    let ended = d.actions.iter().any(|a| {
        matches!(a, Action::Patch(p) if p.kind == Kind::Pod && p.body["spec"]["activeDeadlineSeconds"] == 1)
    });
    assert!(ended, "{:?}", d.actions);
    assert_eq!(scene.ends().0, JobStatus::Successful);
}

#[test]
fn no_edit_of_a_job_hides_its_end() {
    type Edit = fn(&mut Job);
    let edits: [Edit; 3] = [
        |job| job.spec.job.spec.0["containers"][0]["name"] = json!("renamed"),
        |job| job.spec.job.spec.0["containers"] = json!([{"name": "a-sidecar"}, {"name": "main"}]),
        |job| {
            job.spec.job.spec.0["containers"] = json!([{"name": "main"}, {"name": "a-sidecar"}]);
            let annotations =
                json!({"annotations": {"kubectl.kubernetes.io/default-container": "a-sidecar"}});
            job.spec.job.metadata = serde_json::from_value(annotations).unwrap();
        },
    ];
    for (is_said, edit) in edits.into_iter().flat_map(|edit| [(true, edit), (false, edit)]) {
        let mut scene = Scene::at(JobStatus::Running);
        let runner = scene.pod().runner.as_mut().unwrap();
        runner.containers.insert("a-sidecar".into(), ContainerRecord { started: Some(T0), end: None });
        runner.names = vec!["main".into(), "a-sidecar".into()];
        runner.main = is_said.then(|| "main".into());
        edit(&mut scene.job);
        // In a pod that does not say it, only what names nothing of it is seen through.
        if !is_said && scene.job.spec.job.spec.0["containers"][0]["name"] != "renamed" {
            continue;
        }
        scene.main_ends(0);
        assert_eq!(scene.ends(), (JobStatus::Successful, "JobSucceeded".into()), "{is_said}");
    }
}

#[test]
fn a_runner_says_which_container_is_the_program() {
    let mut job = job();
    let main = |job: &Job| {
        let pod = resources::job_runner(job, "cluster.local");
        pod["metadata"]["annotations"]["kubernetes.dask.org/main-container"].clone()
    };
    assert_eq!(main(&job), "main");
    job.spec.job.spec.0["containers"] = json!([{"name": "a"}, {"name": "b"}]);
    let annotations = json!({"annotations": {"kubectl.kubernetes.io/default-container": "b"}});
    job.spec.job.metadata = serde_json::from_value(annotations).unwrap();
    assert_eq!(main(&job), "b");
}

#[test]
fn a_pod_that_has_ended_is_left_to_say_so() {
    let mut scene = Scene::at(JobStatus::Running);
    scene.main_ends(0);
    for _ in 0..4 {
        let d = scene.turn();
        assert!(!d.actions.iter().any(|a| matches!(a, Action::Patch(p) if p.kind == Kind::Pod)));
    }
}

#[test]
fn a_failing_program_is_started_again_where_its_author_says_so() {
    let mut scene = Scene::at(JobStatus::Running);
    scene.pod().runner.as_mut().unwrap().restarts_never = false;
    scene.main_ends(1);
    assert!(scene.turn().actions.is_empty());
    scene.main_ends(0);
    assert_eq!(scene.ends().0, JobStatus::Successful);
}

#[test]
fn a_runner_without_a_node_is_deleted_when_its_time_is_over() {
    let mut scene = Scene::at(JobStatus::ClusterCreated);
    scene.with_runner(PodPhase::Pending);
    scene.pod().scheduled = false;
    scene.pod().trouble = Some(Trouble { reason: "Unschedulable".into(), message: "0/3 nodes".into() });
    let d = scene.turn();
    assert_eq!(events(&d)[0].0, "Unschedulable", "a person is told long before");
    scene.now = T0.plus(START_TIMEOUT);
    scene.turn();
    let d = scene.turn();
    assert!(d.actions.iter().any(|a| matches!(a, Action::Delete { kind: Kind::Pod, .. })));
    assert_eq!(scene.ends(), (JobStatus::Failed, "NeverStarted".into()));
    let outcome = Outcome::of(&scene.job).unwrap();
    assert!(outcome.message.contains("0/3 nodes") && outcome.message.contains("startTimeout"));
    assert!(scene.job.status.start_time.is_some(), "all five keys");
}

#[test]
fn a_template_that_would_be_refused_makes_nothing() {
    let mut scene = Scene::at(JobStatus::JobCreated);
    scene.verdicts = Verdicts::default();
    for check in create::tried(&scene.input()).open {
        let causes = vec![("spec.containers[0].name".to_string(), "bad".to_string())];
        let verdict = if check.kind == Kind::Pod && check.root.is_empty() {
            Verdict::Invalid { causes, message: String::new() }
        } else {
            Verdict::Valid { unknown: Vec::new() }
        };
        scene.verdicts.insert(&check.key, verdict, scene.now);
    }
    let d = scene.turn();
    assert!(!d.actions.iter().any(|a| matches!(a, Action::Create { .. })));
    assert_eq!(scene.ends(), (JobStatus::Failed, "InvalidTemplate".into()));
    assert!(Outcome::of(&scene.job).unwrap().message.contains("spec.job.spec.containers[0].name: bad"));
}

#[test]
fn what_is_made_for_a_job_is_named_and_labelled_as_before() {
    let mut job = job();
    job.meta.labels = [("team".to_string(), "x".to_string())].into();
    let cluster = resources::job_cluster(&job);
    assert_eq!(cluster["metadata"]["name"], "j");
    assert_eq!(
        cluster["metadata"]["labels"],
        json!({"team": "x"}),
        "as dask-kubernetes' definitions drop it"
    );
    assert_eq!(cluster["metadata"]["ownerReferences"][0]["kind"], "DaskJob");
    let runner = resources::job_runner(&job, "cluster.local");
    assert_eq!(runner["metadata"]["name"], "j-runner");
    assert_eq!(runner["metadata"]["labels"]["dask.org/component"], "job-runner");
    assert_eq!(
        runner["spec"]["containers"][0]["env"],
        json!([{"name": "DASK_SCHEDULER_ADDRESS", "value": "tcp://j-scheduler.ns.svc.cluster.local:8786"}])
    );
    assert!(runner["spec"].get("automountServiceAccountToken").is_none());
    assert_eq!(runner["spec"].get("tolerations"), None, "Kubernetes' 300 s: its end is the job's");
}

#[test]
fn a_runner_has_the_port_of_the_service_and_no_mark_of_ours_and_its_author_is_told() {
    let mut scene = Scene::at(JobStatus::JobCreated);
    scene.job.spec.job.metadata = serde_json::from_value(json!({
        "annotations": {"kubernetes.dask.org/retiring": "x"}, "labels": {"sidecar.istio.io/inject": "true"},
    }))
    .unwrap();
    scene.job.spec.cluster.spec.scheduler.service.0["ports"] = json!([{"name": "tcp-comm", "port": 9000}]);
    let runner = resources::job_runner(&scene.job, "cluster.local");
    assert_eq!(runner["metadata"]["annotations"].get(names::RETIRING), None);
    assert_eq!(runner["metadata"]["labels"]["sidecar.istio.io/inject"], "true");
    let address = &runner["spec"]["containers"][0]["env"][0]["value"];
    assert_eq!(address, "tcp://j-scheduler.ns.svc.cluster.local:9000");
    scene.accept();
    scene.with_cluster();
    let told = events(&scene.turn());
    let path = "spec.job.metadata.annotations[kubernetes.dask.org/retiring]: \"x\"";
    assert!(told.iter().any(|(reason, text)| reason == "ReservedKey" && text.starts_with(path)), "{told:?}");
}

#[test]
fn kopfs_traces_go() {
    let mut scene = Scene::at(JobStatus::Running);
    scene.job.meta.kopf = vec!["kopf.zalando.org/last-handled-configuration".into()];
    scene.pod().runner.as_mut().unwrap().kopf = vec!["kopf.zalando.org/touch-dummy".into()];
    let patches: Vec<_> = scene
        .turn()
        .actions
        .into_iter()
        .filter_map(|a| if let Action::Patch(p) = a { Some((p.kind, p.body)) } else { None })
        .collect();
    assert_eq!(
        patches[0].1["metadata"]["annotations"]["kopf.zalando.org/last-handled-configuration"],
        json!(null)
    );
    assert_eq!(patches[1].0, Kind::Pod);
}

#[test]
fn an_outcome_that_was_copied_ends_no_other_job() {
    let mut scene = Scene::at(JobStatus::Running);
    scene.main_ends(0);
    scene.ends();
    let mut copy = Scene::new();
    copy.job.meta.annotations = scene.job.meta.annotations.clone();
    copy.job.meta.uid = "another".into();
    copy.accept();
    copy.turn();
    assert!(matches!(copy.turn().actions[..], [Action::Create { kind: Kind::Cluster, .. }]));
}

#[test]
fn the_time_to_start_begins_when_a_kubelet_can_start_it() {
    let mut scene = Scene::at(JobStatus::JobCreated);
    scene.now = T0.plus(START_TIMEOUT * 2);
    scene.memory.seen = Some(scene.now);
    scene.accept();
    assert!(matches!(scene.turn().actions[..], [Action::Create { kind: Kind::Cluster, .. }]));
    scene.now = scene.now.plus(START_TIMEOUT);
    assert_eq!(scene.ends(), (JobStatus::Failed, "NeverStarted".into()));
}

#[test]
fn a_runner_that_is_only_not_seen_yet_fails_nothing() {
    let mut scene = Scene::at(JobStatus::ClusterCreated);
    scene.runner = None;
    scene.memory.absent = Some(scene.now);
    let d = scene.turn();
    assert!(d.actions.is_empty() && d.requeue.is_some_and(|w| w <= Duration::from_secs(3)));
    scene.now = scene.now.plus(Duration::from_secs(3));
    assert_eq!(scene.ends(), (JobStatus::Failed, "RunnerDeleted".into()));
}
