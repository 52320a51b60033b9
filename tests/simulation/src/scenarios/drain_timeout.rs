//! Shrinks that the scheduler refuses for longer than `drainTimeout`: a person's ends then, an autoscaler's does not.

use serde_json::json;

use crate::{act::Act, dask::Mood, manifest, scenario::Scenario, workload::submit};

/// Four workers; two hold what cannot be computed again, and their scheduler lets none go from second 50 on.
fn refusing(name: &str) -> Scenario {
    let refuses = Mood { refuses: true, ..Mood::default() };
    Scenario::new(name)
        .at(0, Act::Create(manifest::cluster("a", 4)))
        .at(40, Act::Scatter { cluster: "a".into(), size: 60, nth: 0 })
        .at(41, Act::Scatter { cluster: "a".into(), size: 60, nth: 1 })
        .at(50, Act::Mood { cluster: "a".into(), mood: refuses })
}

pub fn all() -> Vec<Scenario> {
    let fewer = |replicas| Act::Scale { group: "a-default".into(), replicas };
    let patch = json!({"spec": {"worker": {"drainTimeout": 60}}});
    let edit = Act::Edit { resource: "daskclusters", name: "a".into(), patch };
    let autoscaled =
        |name| refusing(name).at(30, submit(16, 10)).at(35, Act::Create(manifest::autoscaler("a", 1, 5)));
    let gone = Act::Delete { resource: "daskautoscalers", name: "a".into(), propagation: "Background" };
    vec![
        refusing("drain-timeout: a person's shrink is refused for longer than drainTimeout")
            .at(60, fewer(1))
            .calm_at(460),
        refusing("drain-timeout: a person's shrink is refused for longer than a short drainTimeout")
            .at(30, edit)
            .at(60, fewer(1))
            .calm_at(220),
        refusing("drain-timeout: a person's shrink is refused, and fewer are wanted later")
            .at(60, fewer(3))
            .at(300, fewer(1))
            .calm_at(660),
        autoscaled("drain-timeout: an autoscaler's shrink is refused for longer than drainTimeout")
            .calm_at(560),
        autoscaled("drain-timeout: an autoscaler's shrink is refused, and the autoscaler goes")
            .at(200, gone)
            .calm_at(660),
    ]
}
