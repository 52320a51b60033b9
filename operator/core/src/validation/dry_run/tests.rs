//! Templates that are tried: once, by key, and told with the author's paths.

use serde_json::json;

use super::*;
use crate::plan::check::TOLD;

fn candidate(hash: &str) -> Candidate<'static> {
    let body = json!({"metadata": {"ownerReferences": [1]}, "spec": {"image": hash}});
    Candidate::new(Kind::Pod, "ns", hash, move |key| {
        Check::new(key, Kind::Pod, body.clone(), &[("spec.", "spec.worker.spec.")]).below("spec.cluster.")
    })
}

fn check() -> Check {
    let c = candidate("x");
    (c.check)(c.key)
}

fn invalid() -> Verdict {
    let causes = vec![("spec.containers[1].name".to_string(), "Duplicate value: \"w\"".to_string())];
    Verdict::Invalid { causes, message: "whole".into() }
}

const T0: Timestamp = Timestamp(1_000_000);

#[test]
fn one_template_is_tried_once() {
    let mut verdicts = Verdicts::default();
    let look_up = |v: &Verdicts| look_up(v, vec![candidate("x"), candidate("y")], T0);
    assert_eq!(look_up(&verdicts).open.len(), 2);
    verdicts.insert(&candidate("x").key, Verdict::Valid { unknown: vec!["spec.f".into()] }, T0);
    verdicts.insert(&candidate("y").key, invalid(), T0);
    let tried = look_up(&verdicts);
    assert!(tried.open.is_empty() && tried.again.is_empty());
    assert_eq!(tried.unknown, ["spec.cluster.spec.worker.spec.f"]);
    assert_eq!(
        tried.invalid[0].1,
        "spec.cluster.spec.worker.spec.containers[1].name: Duplicate value: \"w\""
    );
    assert!(!check().body.contains("ownerReferences"));
}

#[test]
fn what_is_no_plain_yes_is_asked_for_again_and_counts_until_then() {
    let later = T0.plus(VALID);
    for verdict in [invalid(), Verdict::Inconclusive] {
        let mut verdicts = Verdicts::default();
        verdicts.insert(&candidate("x").key, verdict.clone(), T0);
        let tried = look_up(&verdicts, vec![candidate("x")], later);
        assert_eq!((tried.open.len(), tried.again.len()), (0, 1));
        assert_eq!(tried.unproved, verdict == Verdict::Inconclusive);
    }
    let mut verdicts = Verdicts::default();
    verdicts.insert(&candidate("x").key, Verdict::Valid { unknown: Vec::new() }, T0);
    assert_eq!(look_up(&verdicts, vec![candidate("x")], later), Tried::default());
}

#[test]
fn complaints_are_few_and_said_once() {
    let causes: Vec<_> = (0..9).map(|i| (format!("spec.a[{}]", i / 2), "bad".to_string())).collect();
    let text = check().complaint(&causes, "whole");
    assert_eq!(text.matches("bad").count(), TOLD);
    assert!(text.ends_with("and 1 more"), "{text}");
    assert_eq!(check().complaint(&[], "whole"), "whole");
}

/// Verdicts that push each other out would be asked for again and again.
#[test]
fn the_verdicts_of_ten_thousand_clusters_are_kept() {
    let mut verdicts = Verdicts::default();
    for i in 0..30_000 {
        let key = format!("a-namespace/Pod/{i:064}");
        verdicts.insert(
            &key,
            Verdict::Valid { unknown: vec!["spec.containers[0].resources.limit".into()] },
            T0,
        );
    }
    assert_eq!(verdicts.by_key.len(), 30_000);
}

#[test]
fn the_oldest_goes_when_there_is_no_room() {
    let mut verdicts = Verdicts::default();
    let long = || Verdict::Valid { unknown: vec!["f".repeat(ROOM / 4)] };
    for key in ["a", "b", "c", "a", "d"] {
        verdicts.insert(key, long(), T0);
    }
    let kept: Vec<_> = verdicts.by_key.keys().map(String::as_str).collect();
    assert_eq!(kept, ["a", "c", "d"]);
    assert!(verdicts.bytes <= ROOM && verdicts.by_number.len() == 3);
}

#[test]
fn an_element_of_ours_does_not_shift_the_authors() {
    let check = check().with_ours_first("spec.initContainers");
    let root = "spec.cluster.spec.worker.spec";
    assert_eq!(check.ours("spec.initContainers[1].image"), format!("{root}.initContainers[0].image"));
    assert_eq!(check.ours("spec.containers[1].image"), format!("{root}.containers[1].image"));
    assert_eq!(check.ours("spec.initContainers"), format!("{root}.initContainers"));
    let cause = |list: &str| (format!("spec.{list}[0].resources.requests"), "bad".to_string());
    let both = check.complaint(&[cause("initContainers"), cause("containers")], "whole");
    assert_eq!(both, format!("{root}.containers[0].resources.requests: bad"));
    let ours = check.complaint(&[cause("initContainers")], "whole");
    assert_eq!(ours, "spec.initContainers[0].resources.requests (added by the operator): bad");
}
