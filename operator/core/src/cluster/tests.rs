//! A cluster's children and status, decision by decision.

mod accepted;
mod children;
mod idle;
mod scheduler_found;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::{
    model::{
        deployment::DeploymentRecord,
        object::{Cluster, Group},
        owner::Owner,
        pod::{PodPhase, PodRecord},
        scheduler::SchedulerState,
        service::ServiceRecord,
        time::Timestamp,
        trouble::Trouble,
    },
    resources::{self, agent_plan},
    validation::{
        api_rejection::Rejections,
        dry_run::{Verdict, Verdicts},
    },
    worker_group::testing::{self, T0},
};

struct Scene {
    cluster: Cluster,
    deployment: Option<DeploymentRecord>,
    service: Option<ServiceRecord>,
    group: Option<Group>,
    pods: Vec<PodRecord>,
    scheduler: SchedulerState,
    memory: PlannerState,
    verdicts: Verdicts,
    /// What the API server says of what it is asked; `None`: it does not answer.
    verdict: Option<Verdict>,
    now: Timestamp,
}

impl Scene {
    fn new() -> Self {
        let mut cluster = testing::cluster("c");
        cluster.spec.worker.replicas = 2;
        Self {
            cluster,
            deployment: None,
            service: None,
            group: None,
            pods: Vec::new(),
            scheduler: SchedulerState::Unknown,
            memory: PlannerState::default(),
            verdicts: Verdicts::default(),
            verdict: Some(Verdict::Valid { unknown: Vec::new() }),
            now: T0,
        }
    }

    /// A cluster whose children are all as they were made.
    fn running() -> Self {
        let mut scene = Self::new();
        scene.cluster.status.phase = Some(Phase::Running);
        let d = scene.decide();
        scene.make(&d);
        scene
    }

    /// A decision; where the API server is asked about templates first, the one after its answer.
    fn decide(&mut self) -> Decision<DaskClusterStatus> {
        let mut first = self.decide_once();
        let checks = first.actions.iter().find_map(|a| match a {
            Action::DryRun(checks) => Some(checks.clone()),
            _ => None,
        });
        let (Some(checks), Some(verdict)) = (checks, self.verdict.clone()) else { return first };
        for check in checks {
            self.verdicts.insert(&check.key, verdict.clone(), self.now);
        }
        if first.status.phase == Some(Phase::Created) {
            first.actions.retain(|a| !matches!(a, Action::DryRun(_)));
            return first;
        }
        self.decide_once()
    }

    fn decide_once(&mut self) -> Decision<DaskClusterStatus> {
        let pods: Vec<&PodRecord> = self.pods.iter().collect();
        let decision = decide(Input {
            cluster: &self.cluster,
            deployment: self.deployment.as_ref(),
            service: self.service.as_ref(),
            default_group: self.group.as_ref(),
            scheduler_pods: &pods,
            scheduler: &self.scheduler,
            memory: &mut self.memory,
            verdicts: &self.verdicts,
            now: self.now,
            domain: "cluster.local",
            agent: &agent_plan::Settings::default(),
        });
        self.cluster.status = decision.status.clone();
        decision
    }

    /// Creates what was decided, as an API server would.
    fn make(&mut self, decision: &Decision<DaskClusterStatus>) {
        let own = vec![resources::cluster_owner(&self.cluster)];
        let strings = |v: &serde_json::Value| -> BTreeMap<String, String> {
            serde_json::from_value(v.clone()).unwrap_or_default()
        };
        for action in &decision.actions {
            match action {
                Action::Create { kind: Kind::Deployment, body: b } => {
                    self.deployment = Some(DeploymentRecord {
                        owners: own.clone(),
                        labels: strings(&b["metadata"]["labels"]),
                        annotations: strings(&b["metadata"]["annotations"]),
                        replicas: 1,
                        strategy: "Recreate".into(),
                        ..DeploymentRecord::default()
                    });
                }
                Action::Create { kind: Kind::Service, body: b } => {
                    let mut spec = b["spec"].clone();
                    spec["clusterIP"] = json!("10.0.0.1");
                    self.service = Some(ServiceRecord {
                        owners: own.clone(),
                        labels: strings(&b["metadata"]["labels"]),
                        annotations: strings(&b["metadata"]["annotations"]),
                        spec,
                        ..ServiceRecord::default()
                    });
                }
                Action::Create { kind: Kind::Group, body: b } => {
                    let mut group = testing::group("c-default", 0);
                    group.spec = serde_json::from_value(b["spec"].clone()).unwrap();
                    group.meta.labels = strings(&b["metadata"]["labels"]);
                    group.meta.annotations = strings(&b["metadata"]["annotations"]);
                    self.group = Some(group);
                }
                _ => {}
            }
        }
    }

    fn group(&mut self) -> &mut Group {
        self.group.as_mut().unwrap()
    }
}

fn patches(d: &Decision<DaskClusterStatus>) -> Vec<(Kind, serde_json::Value)> {
    let patches = d.actions.iter().filter_map(|a| match a {
        Action::Patch(p) => Some((p.kind, p.body.clone())),
        _ => None,
    });
    patches.collect()
}

fn reason<'a>(d: &'a Decision<DaskClusterStatus>, type_: &str) -> &'a str {
    &d.status.conditions.iter().find(|c| c.type_ == type_).unwrap().reason
}

#[test]
fn created_comes_first_and_is_shown_for_a_while() {
    let mut scene = Scene::new();
    let d = scene.decide();
    assert_eq!(d.status.phase, Some(Phase::Created));
    assert!(d.actions.is_empty(), "the phase is there before the parts");
    let d = scene.decide();
    assert_eq!((d.actions.len(), d.status.phase), (3, Some(Phase::Created)));
    scene.make(&d);
    let d = scene.decide();
    assert_eq!(d.status.phase, Some(Phase::Created));
    scene.now = scene.now.plus(d.requeue.unwrap());
    let d = scene.decide();
    assert_eq!(d.status.phase, Some(Phase::Running), "though no pod is ready");
    assert!(scene.now.since(T0) < Duration::from_secs(1));
}

#[test]
fn a_load_balancer_without_an_address_is_pending() {
    let mut scene = Scene::new();
    scene.cluster.spec.scheduler.service.0.insert("type".into(), json!("LoadBalancer"));
    scene.decide();
    let d = scene.decide();
    scene.make(&d);
    scene.now = scene.now.plus(CREATED_SHOWN);
    assert_eq!(scene.decide().status.phase, Some(Phase::Pending));
    scene.service.as_mut().unwrap().has_ingress = true;
    assert_eq!(scene.decide().status.phase, Some(Phase::Running));
}

#[test]
fn invalid_names_are_accepted_and_in_error() {
    for name in ["a.b", &"a".repeat(54)] {
        let mut scene = Scene::new();
        scene.cluster.meta.name = name.into();
        let d = scene.decide();
        assert_eq!(d.status.phase, Some(Phase::Error));
        assert_eq!(reason(&d, conditions::READY), "InvalidName");
        assert!(matches!(&d.actions[..], [Action::Event(e)] if e.reason == "InvalidName"));
        assert!(scene.decide().actions.is_empty());
    }
}

#[test]
fn a_cluster_as_wanted_needs_nothing() {
    let mut scene = Scene::running();
    let first = scene.decide();
    assert!(first.actions.is_empty(), "{:?}", first.actions);
    assert_eq!(scene.decide().status, first.status);
    assert_eq!(
        first.status.scheduler_address.as_deref(),
        Some("tcp://c-scheduler.ns.svc.cluster.local:8786")
    );
}

#[test]
fn an_edited_scheduler_waits_for_a_person() {
    let mut scene = Scene::running();
    scene.cluster.spec.scheduler.spec.0.insert("nodeName".into(), json!("n"));
    let d = scene.decide();
    assert_eq!(reason(&d, conditions::SCHEDULER_UPDATE_PENDING), "TemplateChanged");
    assert!(patches(&d).is_empty(), "the Deployment is not touched");
    scene.deployment = None;
    let d = scene.decide();
    scene.make(&d);
    assert_eq!(reason(&scene.decide(), conditions::SCHEDULER_UPDATE_PENDING), "UpToDate");
}

#[test]
fn an_old_scheduler_must_be_gone_before_a_new_one_starts() {
    let mut scene = Scene::new();
    scene.decide();
    let mut old = testing::pod("c-scheduler-old", 1);
    (old.is_scheduler, old.deleting) = (true, true);
    scene.pods = vec![old];
    let d = scene.decide();
    assert!(!d.actions.iter().any(|a| matches!(a, Action::Create { kind: Kind::Deployment, .. })));
    assert_eq!(reason(&d, conditions::SCHEDULER_READY), "OldScheduler");
    scene.pods.clear();
    assert!(
        scene.decide().actions.iter().any(|a| matches!(a, Action::Create { kind: Kind::Deployment, .. }))
    );
}

#[test]
fn kopfs_finalizer_goes_even_from_a_dying_cluster() {
    let mut scene = Scene::running();
    scene.cluster.meta.deleting = true;
    scene.cluster.meta.finalizers = vec![names::KOPF_FINALIZER.into()];
    let d = scene.decide();
    assert_eq!(patches(&d), [(Kind::Cluster, json!({"metadata": {"finalizers": []}}))]);
    scene.cluster.meta.finalizers.clear();
    scene.deployment = None;
    assert!(scene.decide().actions.is_empty(), "nothing is made for a dying cluster");
}

#[test]
fn what_the_api_server_refuses_is_told_in_its_words() {
    let mut scene = Scene::running();
    let trouble = Trouble { reason: "CreateRejected".into(), message: "spec.ports[0].port: invalid".into() };
    scene.memory.rejections = Rejections::of(trouble, 2);
    let d = scene.decide();
    assert_eq!(reason(&d, conditions::SCHEDULER_READY), "CreateRejected");
    assert_eq!(reason(&d, conditions::WRITE_REFUSED), "CreateRejected");
    assert!(d.actions.iter().any(|a| matches!(a, Action::Event(e) if e.message.contains("spec.ports[0]"))));
    let mut pod = testing::pod("c-scheduler-1", 1);
    pod.is_scheduler = true;
    scene.pods = vec![pod];
    assert_eq!(reason(&scene.decide(), conditions::SCHEDULER_READY), "PodReady", "it hides nothing");
    scene.memory.rejections = Rejections::default();
    assert_eq!(reason(&scene.decide(), conditions::WRITE_REFUSED), "NoneRefused");
}

#[test]
fn a_scheduler_in_trouble_says_why() {
    let mut scene = Scene::running();
    let mut pod = testing::pod("c-scheduler-1", 1);
    (pod.is_scheduler, pod.phase, pod.ready_since) = (true, PodPhase::Pending, None);
    pod.trouble = Some(Trouble { reason: "ImagePullBackOff".into(), message: "no such image".into() });
    scene.pods = vec![pod];
    let d = scene.decide();
    assert_eq!(reason(&d, conditions::READY), "ImagePullBackOff");
    assert!(d.actions.iter().any(|a| matches!(a, Action::Event(e) if e.reason == "ImagePullBackOff")));
}
