//! What people do on a day without faults: the ground on which faults are tried one by one.

use std::time::Duration;

use serde_json::json;

use crate::{act::Act, manifest, scenario::Scenario};

/// A workload, and whether it makes and deletes the same objects however long things take.
#[derive(Clone, Debug)]
pub struct Workload {
    /// What happens.
    pub scenario: Scenario,
    /// Creates and deletes must be those of the run without faults.
    pub steady: bool,
}

fn scale(group: &str, replicas: i64) -> Act {
    Act::Scale { group: group.into(), replicas }
}

fn delete(resource: &'static str, name: &str, propagation: &'static str) -> Act {
    Act::Delete { resource, name: name.into(), propagation }
}

/// Tasks of so many seconds, none of which leaves a result.
pub fn submit(tasks: usize, seconds: u64) -> Act {
    Act::Submit { cluster: "a".into(), tasks, takes: Duration::from_secs(seconds), result: 0 }
}

/// All workloads.
pub fn all() -> Vec<Workload> {
    let new = |name: &str| Scenario::new(name).at(0, Act::Create(manifest::cluster("a", 2)));
    let steady = |scenario| Workload { scenario, steady: true };
    let unsteady = |scenario| Workload { scenario, steady: false };
    let image = json!({"spec": {"worker": {"spec": manifest::worker("v2")}}});
    vec![
        steady(new("W1 create").calm_at(60)),
        steady(new("W2 scale").at(40, scale("a-default", 4)).at(80, scale("a-default", 1)).calm_at(140)),
        unsteady(
            new("W3 autoscale")
                .at(1, Act::Create(manifest::autoscaler("a", 0, 4)))
                .at(30, submit(20, 5))
                .calm_at(200),
        ),
        steady(
            new("W4 template")
                .at(40, Act::Edit { resource: "daskworkergroups", name: "a-default".into(), patch: image })
                .at(45, scale("a-default", 4))
                .calm_at(100),
        ),
        steady(new("W5 delete").at(40, delete("daskclusters", "a", "Background")).calm_at(80)),
        steady(
            new("W6 delete and create again")
                .at(40, delete("daskclusters", "a", "Background"))
                .at(60, Act::Create(manifest::cluster("a", 1)))
                .calm_at(120),
        ),
        steady(
            new("W7 another group")
                .at(30, Act::Create(manifest::group("more", "a", 2)))
                .at(80, delete("daskworkergroups", "more", "Background"))
                .calm_at(120),
        ),
        // A program does not wait for its cluster, and what it no longer needs need not be made.
        unsteady(Scenario::new("W8 job").at(0, Act::Create(manifest::job("j", 20))).calm_at(100)),
        unsteady(
            new("W9 scheduler restarts").at(40, Act::KillScheduler { cluster: "a".into() }).calm_at(120),
        ),
        steady(
            new("W10 two clusters")
                .at(2, Act::Create(manifest::cluster("b", 1)))
                .at(50, scale("b-default", 2))
                .calm_at(100),
        ),
    ]
}
