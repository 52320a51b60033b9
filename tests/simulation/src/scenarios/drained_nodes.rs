//! Nodes of workers under the agent are drained, all at once.

use std::time::Duration;

use crate::{act::Act, dask::Mood, manifest, scenario::Scenario, workload::submit};

/// Four workers under the agent, which work; two hold what cannot be computed again. All are told to end at second 40.
fn drained(name: &str) -> Scenario {
    Scenario::new(name)
        .at(0, Act::Agents)
        .at(0, Act::Create(manifest::cluster("a", 4)))
        .at(30, submit(12, 8))
        .at(35, Act::Scatter { cluster: "a".into(), size: 60, nth: 0 })
        .at(35, Act::Scatter { cluster: "a".into(), size: 60, nth: 1 })
        .at(40, Act::DrainAll)
}

pub fn all() -> Vec<Scenario> {
    let a = || "a".to_string();
    let shuffle = Act::Shuffle { cluster: a(), takes: Duration::from_secs(40) };
    let silence = Act::Silence { cluster: a(), time: Duration::from_secs(20) };
    let refuses = Act::Mood { cluster: a(), mood: Mood { refuses: true, ..Mood::default() } };
    vec![
        drained("drained-nodes: all nodes are drained at once").calm_at(200),
        drained("drained-nodes: all nodes are drained at once, twice").at(60, Act::DrainAll).calm_at(240),
        drained("drained-nodes: all nodes are drained at once, and there is no room for 60 s")
            .at(39, Act::Nodes { room: false })
            .at(100, Act::Nodes { room: true })
            .calm_at(240),
        drained("drained-nodes: all nodes are drained at once while some leave")
            .at(38, Act::Scale { group: "a-default".into(), replicas: 2 })
            .calm_at(240),
        drained("drained-nodes: all nodes are drained at once, and the operator dies")
            .at(41, Act::Crash { operator: 0 })
            .calm_at(240),
        drained("drained-nodes: all nodes are drained at once while a shuffle runs")
            .at(39, shuffle)
            .calm_at(240),
        drained("drained-nodes: all nodes are drained at once, and the scheduler is silent for 20 s")
            .at(39, silence)
            .calm_at(240),
        drained("drained-nodes: all nodes are drained at once, and the scheduler refuses for 30 s")
            .at(39, refuses)
            .at(70, Act::Mood { cluster: a(), mood: Mood::default() })
            .calm_at(240),
        drained("drained-nodes: all nodes are drained at once, and the scheduler dies")
            .at(43, Act::KillScheduler { cluster: a() })
            .calm_at(240),
        drained("drained-nodes: all nodes are drained at once under an autoscaler")
            .at(10, Act::Create(manifest::autoscaler("a", 1, 6)))
            .calm_at(240),
    ]
}
