//! How a world should be once nothing goes wrong any more, and how it is.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::{World, owner};

/// What is not as it should be.
pub fn missing(world: &World) -> Vec<String> {
    let mut out = Vec::new();
    let clusters = world.server.objects("daskclusters");
    for cluster in &clusters {
        of_cluster(world, cluster, &mut out);
    }
    let groups = world.server.objects("daskworkergroups");
    let pods = world.server.objects("pods");
    for group in &groups {
        let name = text(&group["metadata"]["name"]);
        let uid = group["metadata"]["uid"].as_str();
        let mine: Vec<_> = pods.iter().filter(|p| owner(p) == uid).collect();
        let has_cluster = clusters.iter().any(|c| c["metadata"]["name"] == group["spec"]["cluster"]);
        let wanted = if has_cluster { group["spec"]["worker"]["replicas"].as_u64().unwrap_or(0) } else { 0 };
        let running = mine.iter().filter(|p| p["status"]["phase"] == "Running").count() as u64;
        if running != wanted || mine.len() as u64 != wanted {
            out.push(format!(
                "group {name} has {} pods, {running} of them run, and wants {wanted}",
                mine.len()
            ));
        }
        let marked = |p: &&&std::sync::Arc<Value>| {
            p["metadata"]["annotations"]["kubernetes.dask.org/retiring"].is_string()
        };
        if let Some(pod) = mine.iter().find(marked) {
            out.push(format!("pod {} is marked to leave", text(&pod["metadata"]["name"])));
        }
    }
    let mut uids: Vec<_> = clusters.iter().chain(&groups).map(|o| text(&o["metadata"]["uid"])).collect();
    uids.extend(world.server.objects("daskjobs").iter().map(|o| text(&o["metadata"]["uid"])));
    uids.extend(world.server.objects("deployments").iter().map(|o| text(&o["metadata"]["uid"])));
    for plural in ["pods", "deployments", "services", "daskworkergroups"] {
        for object in world.server.objects(plural) {
            if let Some(uid) = owner(&object).filter(|uid| !uids.iter().any(|u| u == uid)) {
                out.push(format!(
                    "{plural} {} belongs to {uid}, which is gone",
                    text(&object["metadata"]["name"])
                ));
            }
        }
    }
    jobs(world, &mut out);
    autoscalers(world, &mut out);
    out
}

/// There is nothing to do any more: a group that is scaled by demand has as few workers as it may.
fn autoscalers(world: &World, out: &mut Vec<String>) {
    let autoscalers = world.server.objects("daskautoscalers");
    for group in world.server.objects("daskworkergroups") {
        let (name, cluster) = (text(&group["metadata"]["name"]), text(&group["spec"]["cluster"]));
        if world.server.object("daskclusters", crate::manifest::NAMESPACE, &cluster).is_none() {
            continue;
        }
        let scales = |a: &&std::sync::Arc<Value>| {
            let default = format!("{cluster}-default");
            let spec = &a["spec"];
            spec["cluster"] == cluster.as_str() && spec["workerGroup"].as_str().unwrap_or(&default) == name
        };
        // Of several, the oldest acts.
        let mine = autoscalers.iter().filter(scales);
        let Some(autoscaler) = mine.min_by_key(|a| text(&a["metadata"]["creationTimestamp"])) else {
            continue;
        };
        let (wanted, least) = (&group["spec"]["worker"]["replicas"], &autoscaler["spec"]["minimum"]);
        if wanted != least {
            out.push(format!("group {name} wants {wanted} though its autoscaler's least is {least}"));
        }
    }
}

fn of_cluster(world: &World, cluster: &Value, out: &mut Vec<String>) {
    let name = text(&cluster["metadata"]["name"]);
    if cluster["metadata"]["deletionTimestamp"].is_string() {
        out.push(format!("cluster {name} is still being deleted"));
        return;
    }
    let scheduler = format!("{name}-scheduler");
    for plural in ["deployments", "services"] {
        if world.server.object(plural, crate::manifest::NAMESPACE, &scheduler).is_none() {
            out.push(format!("there is no {plural} {scheduler}"));
        }
    }
    if !world.has_scheduler(&name) {
        out.push(format!("no scheduler of {name} runs"));
    }
    if cluster["status"]["phase"] != "Running" {
        out.push(format!("cluster {name} is in phase {}", cluster["status"]["phase"]));
    }
    if condition(cluster, "Ready").is_none_or(|c| c["status"] != "True") {
        out.push(format!("cluster {name} is not Ready: {:?}", condition(cluster, "Ready")));
    }
}

fn jobs(world: &World, out: &mut Vec<String>) {
    for job in world.server.objects("daskjobs") {
        let status = text(&job["status"]["jobStatus"]);
        if !matches!(status.as_str(), "Successful" | "Failed") {
            out.push(format!("job {} is {status:?}", text(&job["metadata"]["name"])));
        }
    }
}

/// The writes that may be needed from any state to the one that should be.
pub fn most_writes(world: &World) -> usize {
    let objects: usize = ["daskclusters", "daskworkergroups", "daskautoscalers", "daskjobs", "pods"]
        .iter()
        .map(|p| world.server.objects(p).len())
        .sum();
    120 + 25 * objects
}

/// All objects, without what differs between two runs.
pub fn state(world: &World) -> BTreeMap<String, Value> {
    let mut out = BTreeMap::new();
    for plural in
        ["daskclusters", "daskworkergroups", "daskautoscalers", "daskjobs", "deployments", "services"]
    {
        for object in world.server.objects(plural) {
            let name = text(&object["metadata"]["name"]);
            let status = masked(&object["status"]);
            let mut spec = object["spec"].clone();
            if let Some(spec) = spec.as_object_mut() {
                // Addresses are given out in the order of creation.
                spec.retain(|key, _| !key.starts_with("clusterIP"));
            }
            out.insert(
                format!("{plural}/{name}"),
                json!({"spec": spec, "labels": object["metadata"]["labels"], "status": status}),
            );
        }
    }
    let pods = world.server.objects("pods");
    for part in ["scheduler", "worker", "job-runner"] {
        let of_part = |p: &&std::sync::Arc<Value>| p["metadata"]["labels"]["dask.org/component"] == part;
        out.insert(format!("pods/{part}"), pods.iter().filter(of_part).count().into());
    }
    out
}

/// A status without times, versions and numbers that grow.
fn masked(status: &Value) -> Value {
    let mut conditions: Vec<Value> = Vec::new();
    for c in status["conditions"].as_array().into_iter().flatten() {
        // What was wrong once and is over is not told by who was away meanwhile.
        if c["status"] == "True" || c["type"] == "Ready" {
            conditions.push(json!([c["type"], c["status"], c["reason"]]));
        }
    }
    let mut out = json!({"conditions": conditions});
    for key in ["phase", "jobStatus", "replicas", "workers"] {
        if !status[key].is_null() {
            out[key] = status[key].clone();
        }
    }
    // Who was made before a template changed is a matter of time, and who was started again one of faults.
    if let Some(workers) = out["workers"].as_object_mut() {
        workers.retain(|key, _| !["outdated", "restarts", "oomKills"].contains(&key.as_str()));
    }
    out
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == kind)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().into()
}
