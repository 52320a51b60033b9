//! Several groups of one cluster, each with an autoscaler of its own.

use std::time::Duration;

use serde_json::json;

use crate::{act::Act, manifest, scenario::Scenario, workload::submit};

/// Two groups that begin with nothing.
fn two(name: &str) -> Scenario {
    Scenario::new(name)
        .at(0, Act::Create(manifest::cluster("a", 0)))
        .at(0, Act::Create(manifest::group("more", "a", 0)))
        .at(1, Act::Create(manifest::autoscaler("a", 0, 20)))
        .at(1, Act::Create(manifest::autoscaler_of("more", "a", (0, 20))))
}

pub fn all() -> Vec<Scenario> {
    let long = || submit(7, 400);
    let bounds = json!({"spec": {"maximum": 3}});
    let lower = Act::Edit { resource: "daskautoscalers", name: "a".into(), patch: bounds };
    vec![
        two("two-autoscalers: seven long tasks for two groups").at(30, long()).calm_at(400),
        two("two-autoscalers: two groups, and the operator dies")
            .at(30, long())
            .at(32, Act::Crash { operator: 0 })
            .calm_at(300),
        two("two-autoscalers: two groups, and what is done is seen late")
            .at(20, Act::Lag { resource: "daskworkergroups", time: Duration::from_secs(20) })
            .at(30, long())
            .calm_at(300),
        two("two-autoscalers: two groups, and the first may have fewer")
            .at(30, long())
            .at(70, lower)
            .calm_at(400),
        two("two-autoscalers: work for two groups comes and goes")
            .at(30, submit(24, 8))
            .at(120, submit(3, 8))
            .at(180, submit(24, 8))
            .calm_at(300),
        two("two-autoscalers: the second group's autoscaler goes")
            .at(30, submit(30, 40))
            .at(
                60,
                Act::Delete { resource: "daskautoscalers", name: "more".into(), propagation: "Background" },
            )
            .at(70, Act::Scale { group: "more".into(), replicas: 2 })
            .calm_at(300),
    ]
}
