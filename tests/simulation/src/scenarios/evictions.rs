//! All workers are evicted at once.

use crate::{act::Act, manifest, scenario::Scenario, workload::submit};

fn with(name: String) -> Scenario {
    Scenario::new(&name).at(0, Act::Create(manifest::cluster("a", 4)))
}

pub fn all() -> Vec<Scenario> {
    let busy = |name: &str| {
        with(format!("evictions: all workers are evicted at once{name}"))
            .at(30, submit(12, 8))
            .at(35, Act::Scatter { cluster: "a".into(), size: 60, nth: 1 })
    };
    vec![
        busy("").at(40, Act::EvictAll).calm_at(150),
        busy(", twice").at(40, Act::EvictAll).at(70, Act::EvictAll).calm_at(180),
        busy(" while some leave")
            .at(38, Act::Scale { group: "a-default".into(), replicas: 2 })
            .at(40, Act::EvictAll)
            .calm_at(150),
        busy(", and the operator dies").at(40, Act::EvictAll).at(41, Act::Crash { operator: 0 }).calm_at(150),
        busy(" under an autoscaler")
            .at(10, Act::Create(manifest::autoscaler("a", 1, 6)))
            .at(40, Act::EvictAll)
            .calm_at(180),
    ]
}
