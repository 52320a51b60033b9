//! P2P shuffles, while workers leave or are gone.

use std::time::Duration;

use crate::{
    act::{Act, PodFate},
    manifest,
    scenario::Scenario,
};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn with(name: String) -> Scenario {
    Scenario::new(&name).at(0, Act::Create(manifest::cluster("a", 4)))
}

pub fn all() -> Vec<Scenario> {
    let shuffle = |takes| Act::Shuffle { cluster: "a".into(), takes: seconds(takes) };
    let fewer = || Act::Scale { group: "a-default".into(), replicas: 1 };
    let leaves = |time| Act::NodeLeaves { time: seconds(time) };
    vec![
        with("shuffle: fewer are wanted while a shuffle runs".into())
            .at(40, shuffle(60))
            .at(45, fewer())
            .calm_at(200),
        with("shuffle: a shuffle begins while workers leave".into())
            .at(38, Act::Scatter { cluster: "a".into(), size: 60, nth: 1 })
            .at(40, fewer())
            .at(41, shuffle(40))
            .calm_at(200),
        with("shuffle: a node goes in 90 s while a shuffle runs for 40 s".into())
            .at(40, shuffle(40))
            .at(45, leaves(90))
            .calm_at(200),
        with("shuffle: a participant is gone, and the shuffle begins again".into())
            .at(40, shuffle(30))
            .at(50, Act::Pod { nth: 1, scheduler: false, fate: PodFate::Evicted })
            .at(55, fewer())
            .calm_at(200),
    ]
}
