//! A job's scene: what an API server and a kubelet would show of it.

use dask_crds::DaskJobSpec;
use serde_json::json;

use super::*;
use crate::{
    model::{
        object::{Job, Meta, Object},
        pod::{PodPhase, PodRecord},
        runner::{ContainerRecord, End, Runner},
        time::Timestamp,
    },
    resources::{self, agent_plan},
    validation::dry_run::{Verdict, Verdicts},
    worker_group::testing::{self, T0},
};

/// A job with what there is of it.
pub struct Scene {
    pub job: Job,
    pub cluster: Option<Cluster>,
    pub runner: Option<PodRecord>,
    pub memory: PlannerState,
    pub verdicts: Verdicts,
    pub agent: agent_plan::Settings,
    pub now: Timestamp,
}

pub fn job() -> Job {
    let cluster = testing::cluster("j").spec;
    let spec: DaskJobSpec = serde_json::from_value(json!({
        "job": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "i"}]}},
        "cluster": {"spec": cluster, "metadata": {"labels": {"of": "cluster"}, "creationTimestamp": null}, "status": {}},
    }))
    .unwrap();
    let meta = Meta {
        namespace: "ns".into(),
        name: "j".into(),
        uid: "job-uid".into(),
        created: T0,
        ..Meta::default()
    };
    Object { meta, spec, status: DaskJobStatus::default() }
}

impl Scene {
    pub fn new() -> Self {
        Self {
            job: job(),
            cluster: None,
            runner: None,
            memory: PlannerState { seen: Some(T0), absent: Some(T0), ..PlannerState::default() },
            verdicts: Verdicts::default(),
            agent: agent_plan::Settings::default(),
            now: T0.plus(Duration::from_secs(60)),
        }
    }

    /// At this status, with its cluster and its runner as they are then.
    pub fn at(status: JobStatus) -> Self {
        let mut scene = Self::new();
        scene.job.status.job_status = Some(status);
        scene.accept();
        if status != JobStatus::JobCreated {
            scene.job.status.cluster_name = Some("j".into());
            scene.job.status.job_runner_pod_name = Some("j-runner".into());
            scene.with_cluster();
            scene.with_runner(PodPhase::Running);
        }
        scene
    }

    /// The API server takes all templates.
    pub fn accept(&mut self) {
        for check in create::tried(&self.input()).open {
            self.verdicts.insert(&check.key, Verdict::Valid { unknown: Vec::new() }, self.now);
        }
    }

    pub fn with_cluster(&mut self) {
        let mut cluster = testing::cluster("j");
        cluster.meta.owners = vec![resources::job_owner(&self.job)];
        self.cluster = Some(cluster);
    }

    pub fn with_runner(&mut self, phase: PodPhase) {
        let mut pod = testing::pod("j-runner", 9);
        let record = ContainerRecord { started: (phase != PodPhase::Pending).then_some(T0), end: None };
        (pod.phase, pod.ready_since, pod.created) = (phase, None, T0);
        pod.runner = Some(Box::new(Runner {
            names: vec!["main".into()],
            containers: [("main".to_string(), record)].into(),
            owners: vec![resources::job_owner(&self.job)],
            restarts_never: true,
            ..Runner::default()
        }));
        self.runner = Some(pod);
    }

    pub fn pod(&mut self) -> &mut PodRecord {
        self.runner.as_mut().unwrap()
    }

    pub fn main(&mut self) -> &mut ContainerRecord {
        self.pod().runner.as_mut().unwrap().containers.get_mut("main").unwrap()
    }

    pub fn main_ends(&mut self, code: i64) {
        let at = Some(T0.plus(Duration::from_secs(30)));
        self.main().end =
            Some(End { code, at, reason: if code == 0 { "Completed" } else { "Error" }.into() });
    }

    pub fn input(&mut self) -> Input<'_> {
        Input {
            job: &self.job,
            cluster: self.cluster.as_ref(),
            runner: self.runner.as_ref(),
            memory: &mut self.memory,
            verdicts: &self.verdicts,
            now: self.now,
            domain: "cluster.local",
            agent: &self.agent,
        }
    }

    /// Decides, and keeps what is written to the job itself.
    pub fn turn(&mut self) -> Decision<DaskJobStatus> {
        let decision = decide(self.input());
        self.job.status = decision.status.clone();
        for action in &decision.actions {
            match action {
                Action::Patch(p) if p.kind == Kind::Job => {
                    if let Some(text) = p.body["metadata"]["annotations"][names::OUTCOME].as_str() {
                        self.job.meta.annotations.insert(names::OUTCOME.into(), text.into());
                    }
                }
                Action::Delete { kind: Kind::Cluster, .. } => self.cluster = None,
                _ => {}
            }
        }
        decision
    }

    /// Turns until the status is the last one; answers it and the reason that was told.
    pub fn ends(&mut self) -> (JobStatus, String) {
        for _ in 0..6 {
            self.turn();
        }
        let outcome = Outcome::of(&self.job).expect("an outcome");
        (self.job.status.job_status.unwrap(), outcome.reason)
    }
}
