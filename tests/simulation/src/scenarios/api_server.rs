//! What goes wrong between an operator and the API server.

use std::time::Duration;

use serde_json::json;

use crate::{
    act::{Act, PodFate},
    manifest,
    network::Rates,
    scenario::Scenario,
    workload::submit,
};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn with(name: String) -> Scenario {
    Scenario::new(&name).at(0, Act::Create(manifest::cluster("a", 3)))
}

fn scale(replicas: i64) -> Act {
    Act::Scale { group: "a-default".into(), replicas }
}

fn delete(propagation: &'static str) -> Act {
    Act::Delete { resource: "daskclusters", name: "a".into(), propagation }
}

pub fn all() -> Vec<Scenario> {
    [
        late_watches(),
        late_jobs(),
        ended_watches(),
        unseen(),
        webhooks(),
        requests(),
        two_operators(),
        wrong_clocks(),
        deletions(),
        owners(),
    ]
    .concat()
}

/// Owner references are taken off what the operator made: it takes back what is its own.
fn owners() -> Vec<Scenario> {
    let pod = |nth| Act::Pod { nth, scheduler: false, fate: PodFate::Stripped };
    let strip = |resource: &'static str, name: &str| {
        let patch = json!({"metadata": {"ownerReferences": null}});
        Act::Edit { resource, name: name.into(), patch }
    };
    vec![
        with("owner-removed: workers lose their owner".into())
            .at(40, pod(0))
            .at(40, pod(1))
            .at(60, scale(5))
            .at(65, pod(2))
            .at(80, scale(2)),
        Scenario::new("owner-removed: a job's cluster and runner lose their owner")
            .at(0, Act::Create(manifest::job("j", 100)))
            .at(50, strip("pods", "j-runner"))
            .at(52, strip("daskclusters", "j")),
    ]
}

/// One resource cannot be seen for half an hour, while sizes change and a job runs.
fn unseen() -> Vec<Scenario> {
    let of = |resource: &'static str| {
        with(format!("broken-watch: {resource} cannot be watched for 30 min"))
            .at(59, Act::Create(manifest::job("j", 100)))
            .at(59, Act::Unseen { resource, time: seconds(1800) })
            .at(62, scale(5))
            .at(300, scale(10))
            .at(400, Act::Pod { nth: 0, scheduler: false, fate: PodFate::Evicted })
            .at(1200, scale(4))
            .calm_at(1900)
    };
    ["pods", "daskclusters", "daskworkergroups", "deployments", "services", "daskjobs"].map(of).to_vec()
}

/// Rounds of growing and shrinking while the webhook of another namespace fails, at once or after it hung.
fn webhooks() -> Vec<Scenario> {
    let of = |name: &str, hangs: u64| {
        let mut out = with(format!("hanging-webhook: another namespace's webhook {name}"))
            .at(20, Act::Webhook { namespace: "crowd", hangs: seconds(hangs), time: seconds(400) })
            .at(21, Act::Crowd { namespace: "crowd", clusters: 150 })
            .at(380, Act::Disperse { namespace: "crowd" })
            .calm_at(420);
        for round in 0..8 {
            out = out.at(60 + 40 * round, scale(5)).at(80 + 40 * round, scale(2));
        }
        out
    };
    vec![of("hangs", 30), of("fails", 0)]
}

fn late_watches() -> Vec<Scenario> {
    let mut out = Vec::new();
    for resource in ["pods", "daskworkergroups", "daskclusters", "deployments"] {
        out.push(
            with(format!("same-name: a new cluster of the same name, {resource} seen 25 s late"))
                .at(20, Act::Lag { resource, time: seconds(25) })
                .at(30, delete("Background"))
                .at(34, Act::Create(manifest::cluster("a", 2))),
        );
        out.push(
            with(format!("watch-order: {resource} seen 20 s late while sizes change"))
                .at(20, Act::Lag { resource, time: seconds(20) })
                .at(30, scale(5))
                .at(36, scale(1))
                .at(50, scale(3)),
        );
    }
    out
}

/// A job is deleted and made again before the operator has seen either.
fn late_jobs() -> Vec<Scenario> {
    let mut out = Vec::new();
    for lag in [2, 20] {
        for again in [30, 36, 42] {
            let job = || Act::Create(manifest::job("j", 15));
            out.push(
                Scenario::new(&format!(
                    "same-name: a new job of the same name at second {again}, seen {lag} s late"
                ))
                .at(0, job())
                .at(10, Act::Lag { resource: "daskjobs", time: seconds(lag) })
                .at(
                    again - 1,
                    Act::Delete { resource: "daskjobs", name: "j".into(), propagation: "Background" },
                )
                .at(again, job()),
            );
        }
    }
    out
}

/// Watches end: what changes meanwhile is not seen, or what is known is told again.
fn ended_watches() -> Vec<Scenario> {
    let mut out = Vec::new();
    for gone in [false, true] {
        out.push(
            with(format!("unseen-changes: 3 to 1 to 3 unseen, gone: {gone}"))
                .at(40, Act::Away { time: seconds(20) })
                .at(41, scale(1))
                .at(50, scale(3))
                .at(52, Act::Cut { gone }),
        );
        out.push(
            with(format!("unseen-deletions: children deleted while no watch is open, gone: {gone}"))
                .at(40, Act::Away { time: seconds(20) })
                .at(
                    42,
                    Act::Delete {
                        resource: "services",
                        name: "a-scheduler".into(),
                        propagation: "Background",
                    },
                )
                .at(43, Act::Pod { nth: 0, scheduler: false, fate: PodFate::Deleted })
                .at(45, Act::Cut { gone }),
        );
        let mut again = with(format!("repeated-events: everything told over and over, gone: {gone}"));
        for second in 40..60 {
            again = again.at(second, Act::Cut { gone });
        }
        out.push(again);
    }
    out
}

fn requests() -> Vec<Scenario> {
    let rates = |name: &str, rates: Rates| {
        with(format!("refusals: {name}")).at(0, Act::Rates(rates)).at(40, scale(5)).at(70, scale(1))
    };
    let mut out = vec![
        rates("a third of all requests is refused", Rates { busy: 0.3, ..Rates::default() }),
        rates("a third of all writes conflicts", Rates { conflict: 0.3, ..Rates::default() }),
        rates("requests are lost", Rates { request_lost: 0.1, ..Rates::default() }),
        rates("answers are lost", Rates { answer_lost: 0.1, ..Rates::default() }),
        rates("slow answers", Rates { slow: seconds(8), ..Rates::default() }),
        with("admission: a quota".into())
            .at(20, Act::Forbid { resource: "pods", code: 403, time: seconds(60) })
            .at(25, scale(6)),
        with("admission: a webhook".into())
            .at(20, Act::Forbid { resource: "pods", code: 422, time: seconds(60) })
            .at(25, scale(6)),
        with("admission: a webhook that is down".into())
            .at(20, Act::Forbid { resource: "pods", code: 500, time: seconds(60) })
            .at(25, scale(6)),
        with("admission: no right to make a Service".into())
            .at(0, Act::Forbid { resource: "services", code: 403, time: seconds(60) }),
    ];
    let mut racer =
        with("another-writer: everything is annotated all the time".into()).at(30, scale(5)).at(60, scale(2));
    for second in 2..100 {
        let patch = json!({"metadata": {"annotations": {"racer": second.to_string()}}});
        for (resource, name) in [("daskclusters", "a"), ("daskworkergroups", "a-default")] {
            racer = racer.at(second, Act::Edit { resource, name: name.into(), patch: patch.clone() });
        }
    }
    out.push(racer);
    out
}

/// With an autoscaler, tasks, and data that cannot be computed again.
fn busy(scenario: Scenario) -> Scenario {
    scenario
        .at(1, Act::Create(manifest::autoscaler("a", 1, 5)))
        .at(30, submit(40, 4))
        .at(60, Act::Scatter { cluster: "a".into(), size: 50, nth: 1 })
}

fn two_operators() -> Vec<Scenario> {
    let mut out = vec![
        busy(with("two-operators: two write at the same time".into())).operators(2, false),
        busy(with("two-operators: two write, one of them late".into()))
            .operators(2, false)
            .at(35, Act::Freeze { operator: 0, time: seconds(25) })
            .at(70, Act::Freeze { operator: 1, time: seconds(20) }),
        with("two-operators: two write, and one reserves numbers late".into())
            .operators(2, false)
            .at(20, Act::Lag { resource: "pods", time: seconds(40) })
            .at(30, scale(5))
            .at(30, Act::Freeze { operator: 1, time: seconds(20) })
            .at(38, Act::Pod { nth: 3, scheduler: false, fate: PodFate::Deleted })
            .at(38, Act::Pod { nth: 3, scheduler: false, fate: PodFate::Deleted }),
        busy(with("two-operators: a leader freezes".into()))
            .operators(2, true)
            .at(40, Act::Freeze { operator: 0, time: seconds(40) }),
        busy(with("two-operators: the other one freezes".into()))
            .operators(2, true)
            .at(40, Act::Freeze { operator: 1, time: seconds(40) }),
        busy(with("two-operators: leaders die".into()))
            .operators(2, true)
            .at(40, Act::Crash { operator: 0 })
            .at(70, Act::Crash { operator: 1 }),
    ];
    for leader in [0, 1] {
        out.push(
            with(format!("two-operators: operator {leader} dies, and the other one sees its pods 25 s late"))
                .operators(2, true)
                .at(20, Act::Lag { resource: "pods", time: seconds(25) })
                .at(30, scale(5))
                .at(31, Act::Crash { operator: leader }),
        );
    }
    out
}

fn wrong_clocks() -> Vec<Scenario> {
    let unnoticed = with("wrong-clock: a clock is wrong for a while that no reconcile begins in".into())
        .at(20, Act::Lag { resource: "daskworkergroups", time: Duration::from_millis(1500) })
        .at(29, scale(5))
        .at(30, Act::Away { time: seconds(45) })
        .at(40, Act::Skew { operator: 0, seconds: 3600 })
        .at(65, Act::Skew { operator: 0, seconds: 0 });
    [vec![unnoticed], wrong_by(-3600), wrong_by(3600)].concat()
}

/// A clock is wrong by so many seconds.
fn wrong_by(skew: i64) -> Vec<Scenario> {
    let wrong = |seconds| Act::Skew { operator: 0, seconds };
    vec![
        with(format!("wrong-clock: pods are refused while a clock is wrong by {skew} s"))
            .at(20, wrong(skew))
            .at(25, Act::Forbid { resource: "pods", code: 403, time: seconds(60) })
            .at(26, scale(6))
            .at(70, wrong(0)),
        with(format!("wrong-clock: workers leave while a clock is wrong by {skew} s"))
            .at(20, wrong(skew))
            .at(30, Act::Scatter { cluster: "a".into(), size: 50, nth: 0 })
            .at(40, scale(1))
            .at(42, wrong(0))
            .at(43, scale(4)),
        with(format!("wrong-clock: workers end badly while a clock is wrong by {skew} s"))
            .at(20, wrong(skew))
            .at(30, Act::Images { good: false })
            .at(31, Act::Pod { nth: 0, scheduler: false, fate: PodFate::Evicted })
            .at(32, Act::Pod { nth: 1, scheduler: false, fate: PodFate::Ends(0) })
            .at(60, wrong(0)),
        busy(with(format!("wrong-clock: a clock goes wrong by {skew} s")))
            .at(45, wrong(skew))
            .at(80, wrong(0)),
        busy(with(format!("wrong-clock: one of two clocks is wrong by {skew} s")))
            .operators(2, true)
            .at(2, wrong(skew))
            .at(60, Act::Crash { operator: 1 }),
    ]
}

fn deletions() -> Vec<Scenario> {
    let mut out = Vec::new();
    for propagation in ["Background", "Foreground"] {
        for second in 0..14 {
            out.push(
                with(format!("deleted-at-any-time: after {second} s, {propagation}"))
                    .at(second, delete(propagation))
                    .calm_at(60),
            );
        }
    }
    out
}
