//! Pods that end, vanish or never start, and specs that are wrong or change.

use std::time::Duration;

use serde_json::json;

use crate::{
    act::{Act, PodFate},
    manifest,
    network::Rates,
    scenario::Scenario,
    workload::submit,
};

fn with(name: String) -> Scenario {
    Scenario::new(&name).at(0, Act::Create(manifest::cluster("a", 4)))
}

fn pod(nth: usize, fate: PodFate) -> Act {
    Act::Pod { nth, scheduler: false, fate }
}

pub fn all() -> Vec<Scenario> {
    [pods(), nodes(), never(), specs()].concat()
}

fn pods() -> Vec<Scenario> {
    let mut out = Vec::new();
    for (name, fate) in [
        ("deleted", PodFate::Deleted),
        ("evicted", PodFate::Evicted),
        ("ended well", PodFate::Ends(0)),
        ("ended badly", PodFate::Ends(1)),
        ("hung", PodFate::Hangs(Duration::from_secs(45))),
    ] {
        let mut monkey = with(format!("lost-pods: workers {name} one after the other"));
        for n in 0..8_u64 {
            monkey = monkey.at(35 + 4 * n, pod(usize::try_from(n).unwrap_or(0), fate));
        }
        out.push(monkey.at(50, Act::Scale { group: "a-default".into(), replicas: 2 }));
        let scheduler = Act::Pod { nth: 0, scheduler: true, fate };
        out.push(
            with(format!("lost-pods: the scheduler's pod {name}"))
                .at(40, submit(8, 6))
                .at(45, scheduler)
                .calm_at(150),
        );
    }
    out.push(
        with("pod-creation: the names of the next pods are taken".into())
            .at(30, Act::Squat { group: "a-default".into(), numbers: (4, 15) })
            .at(35, Act::Scale { group: "a-default".into(), replicas: 6 }),
    );
    let mut gone = with("pod-creation: pods come and go before their creation is answered".into())
        .at(35, Act::Rates(Rates { answer_lost: 1.0, ..Rates::default() }))
        .at(36, Act::Scale { group: "a-default".into(), replicas: 6 })
        .at(37, Act::Rates(Rates::default()));
    for _ in 0..6 {
        gone = gone.at(45, pod(0, PodFate::Deleted));
    }
    out.push(gone.calm_at(240));
    let mut storm = with("pod-creation: nine in ten vanish, again and again".into()).at(30, submit(20, 10));
    for wave in [40, 100] {
        for nth in 0..4 {
            storm = storm.at(wave, pod(nth, PodFate::Evicted));
        }
    }
    out.push(storm.calm_at(180));
    out
}

fn nodes() -> Vec<Scenario> {
    let mut out = Vec::new();
    for time in [5, 30, 90] {
        let leaves = Act::NodeLeaves { time: Duration::from_secs(time) };
        let about_to = |more: &str| {
            with(format!("node-outage: a node says that it goes in {time} s{more}"))
                .at(38, Act::Scatter { cluster: "a".into(), size: 60, nth: 1 })
                .at(39, submit(8, 6))
                .at(40, leaves.clone())
                .calm_at(160)
        };
        out.push(about_to(""));
        out.push(about_to(", and the operator dies").at(42, Act::Crash { operator: 0 }));
        let fewer = Act::Scale { group: "a-default".into(), replicas: 1 };
        out.push(about_to(", and fewer are wanted").at(43, fewer));
    }
    for time in [10, 40, 100] {
        let lost = PodFate::NodeLost(Duration::from_secs(time));
        out.push(
            with(format!("node-outage: a node is gone for {time} s"))
                .at(40, pod(1, lost))
                .at(41, pod(2, lost))
                .calm_at(160),
        );
        out.push(
            with(format!("node-outage: a node is gone for {time} s while workers leave"))
                .at(38, Act::Scatter { cluster: "a".into(), size: 60, nth: 1 })
                .at(40, pod(1, lost))
                .at(42, Act::Scale { group: "a-default".into(), replicas: 2 })
                .calm_at(160),
        );
    }
    out
}

fn never() -> Vec<Scenario> {
    let mut crashing = with("failing-pods: workers end badly all the time".into());
    for second in 10..300 {
        crashing = crashing.at(second, pod(usize::try_from(second).unwrap_or(0), PodFate::Ends(1)));
    }
    let mut ending = with("failing-pods: workers end well all the time".into());
    for second in 10..300 {
        ending = ending.at(second, pod(usize::try_from(second).unwrap_or(0), PodFate::Ends(0)));
    }
    vec![
        with("failing-pods: no image can be pulled".into()).at(0, Act::Images { good: false }).calm_at(600),
        with("failing-pods: there is no room".into()).at(0, Act::Nodes { room: false }).calm_at(600),
        with("failing-pods: there is no room, and fewer are wanted".into())
            .at(15, Act::Nodes { room: false })
            .at(20, Act::Scale { group: "a-default".into(), replicas: 9 })
            .at(60, Act::Scale { group: "a-default".into(), replicas: 2 }),
        crashing.calm_at(310),
        ending.calm_at(310),
    ]
}

fn specs() -> Vec<Scenario> {
    let edit = |patch| Act::Edit { resource: "daskworkergroups", name: "a-default".into(), patch };
    let bad = json!({"spec": {"worker": {"spec": {"containers": [{
        "name": "worker", "image": "v1", "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}},
    }]}}}});
    let good = json!({"spec": {"worker": {"spec": manifest::worker("v2")}}});
    let mut twice = manifest::cluster("bad", 2);
    twice["spec"]["scheduler"]["spec"]["containers"][0]["livenessProbe"] = json!({"tcpSocket": {"port": 0}});
    vec![
        with("bad-template: a bad template, put right".into())
            .at(30, edit(bad.clone()))
            .at(35, Act::Scale { group: "a-default".into(), replicas: 6 })
            .at(80, edit(good.clone())),
        with("template-edits: a template changes and changes back".into())
            .at(30, edit(good))
            .at(32, edit(json!({"spec": {"worker": {"spec": manifest::worker("v1")}}})))
            .at(40, Act::Scale { group: "a-default".into(), replicas: 6 }),
        with("bad-cluster: a cluster that cannot be made beside one that can".into())
            .at(2, Act::Create(twice))
            .at(30, Act::Scale { group: "a-default".into(), replicas: 2 })
            .at(90, Act::Delete { resource: "daskclusters", name: "bad".into(), propagation: "Background" }),
    ]
}
