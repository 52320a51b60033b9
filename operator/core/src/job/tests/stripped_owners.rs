//! Children of a job whose owner references were removed.

use super::*;

/// Both children lost their owners; whether they still say which job they were made for.
fn stripped(says_so: bool) -> Scene {
    let mut scene = Scene::at(JobStatus::Running);
    let uid = scene.job.meta.uid.clone();
    let runner = scene.pod().runner.as_mut().unwrap();
    (runner.owners, runner.job) = (Vec::new(), says_so.then(|| uid.clone()));
    let meta = &mut scene.cluster.as_mut().unwrap().meta;
    meta.owners = Vec::new();
    meta.annotations.extend(says_so.then(|| (names::JOB.to_string(), uid.to_string())));
    scene
}

#[test]
fn what_lost_its_owner_is_taken_back() {
    let mut scene = stripped(true);
    let back: Vec<(Kind, Value)> = scene
        .turn()
        .actions
        .into_iter()
        .filter_map(|a| match a {
            Action::Patch(p) => Some((p.kind, p.body)),
            _ => None,
        })
        .collect();
    assert_eq!(back.iter().map(|(k, _)| *k).collect::<Vec<_>>(), [Kind::Cluster, Kind::Pod]);
    for (_, body) in &back {
        assert_eq!(body["metadata"]["ownerReferences"][0]["uid"], "job-uid");
        assert!(body["metadata"]["uid"].is_string(), "no other object of that name");
    }
    // It counts as the job's meanwhile.
    scene.main_ends(0);
    assert_eq!(scene.ends(), (JobStatus::Successful, "JobSucceeded".into()));
    assert!(scene.cluster.is_none());
}

#[test]
fn what_lost_its_owner_without_proof_ends_no_job_and_is_told() {
    let mut scene = stripped(false);
    for _ in 0..3 {
        scene.now = scene.now.plus(Duration::from_secs(3600));
        let decision = scene.turn();
        assert_eq!(scene.job.status.job_status, Some(JobStatus::Running));
        let told = events(&decision);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told.iter()
                .all(|(reason, text)| reason == "OwnerRemoved" && text.contains("kubectl -n ns delete"))
        );
        assert_eq!(decision.actions.len(), 2, "nothing is done");
    }
}

#[test]
fn what_says_another_job_or_another_owner_is_not_taken() {
    let mut scene = stripped(true);
    scene.pod().runner.as_mut().unwrap().job = Some("former".into());
    scene.cluster.as_mut().unwrap().meta.owners = vec![Owner::controller("Other", "o", "o")];
    assert!(!scene.turn().actions.iter().any(|a| matches!(a, Action::Patch(p) if p.kind != Kind::Job)));
}

#[test]
fn what_is_made_for_a_job_says_so() {
    let job = testing::job();
    let runner = resources::job_runner(&job, "cluster.local");
    assert_eq!(runner["metadata"]["annotations"][names::JOB], "job-uid");
    assert_eq!(resources::job_cluster(&job)["metadata"]["annotations"][names::JOB], "job-uid");
}
