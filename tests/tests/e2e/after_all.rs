//! What the whole run showed; `e2e.sh` runs these after the others.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use dask_operator_tests::{audit, settings};
use k8s_openapi::api::rbac::v1::{ClusterRole, Role};
use kube::{Api, Client};

type Right = (String, String, String);

/// Rights that no test can use up: the API server asks for them only where an admission plugin is on.
const UNSEEN: &str = "/finalizers";

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn the_operator_uses_the_rights_it_has_and_no_others() -> Result<()> {
    let requests = audit::requests().await?;
    let refused: Vec<_> = requests.iter().filter(|r| r.code == 403).collect();
    // In a namespace that is being deleted nothing can be created, whatever one's rights.
    let refused: Vec<_> = refused.into_iter().filter(|r| r.verb != "create").collect();
    ensure!(refused.is_empty(), "refused: {refused:?}");
    let granted = granted().await?;
    let used = audit::used(&requests);
    ensure!(used.len() > 10, "the audit log has only {used:?}");
    let beyond: Vec<_> = used.difference(&granted).collect();
    ensure!(beyond.is_empty(), "used and not granted: {beyond:?}");
    let idle: Vec<_> = granted.difference(&used).filter(|r| !r.1.ends_with(UNSEEN)).collect();
    ensure!(idle.is_empty(), "granted and not used: {idle:?}");
    Ok(())
}

/// What the chart's roles give.
async fn granted() -> Result<BTreeSet<Right>> {
    let roles: Api<ClusterRole> = Api::all(Client::try_default().await?);
    let mut rules = Vec::new();
    let role = format!("{}-{}", settings::OPERATOR.1, settings::OPERATOR.0);
    for role in [role.clone(), format!("{role}-nodes")] {
        rules.extend(roles.get(&role).await?.rules.unwrap_or_default());
    }
    let own: Api<Role> = Api::namespaced(Client::try_default().await?, settings::OPERATOR.0);
    rules.extend(
        own.get(&format!("{}-leader-election", settings::OPERATOR.1)).await?.rules.unwrap_or_default(),
    );
    let mut rights = BTreeSet::new();
    for rule in rules {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                rights.extend(rule.verbs.iter().map(|v| (group.clone(), resource.clone(), v.clone())));
            }
        }
    }
    Ok(rights)
}
