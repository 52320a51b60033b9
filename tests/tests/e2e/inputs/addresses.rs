//! Addresses: of schedulers in workers' lines, of workers, and what Services select.

use anyhow::{Result, ensure};
use dask_operator_tests::{
    dask::{Dask, LEAVE, START, Wanted, is_ready},
    driver::Driver,
    inputs,
    namespace::{Space, test},
    wait::{secs, until},
};
use dask_test_cluster::certificates;
use k8s_openapi::api::core::v1::Service;

use super::pod_ends::goes;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn tls_may_be_the_default() -> Result<()> {
    test("tls-default", async |space| leaves_with_tls(&space, "tls-by-default-scheme").await).await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_double_dash_hides_nothing() -> Result<()> {
    test("double-dash", async |space| leaves_with_tls(&space, "double-dash-before-the-worker").await).await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn workers_of_both_families_are_ready_and_leave() -> Result<()> {
    test("dual-stack", async |space| {
        let dask = inputs::apply(&space, "dual-stack").await?;
        dask.settled(1, START).await?;
        dask.group_settled("dual-six", 1, START).await?;
        let addresses: Vec<_> = dask.identity().await?.workers.into_keys().collect();
        let six = addresses.iter().filter(|a| a.starts_with("tcp://[")).count();
        ensure!(six == 1 && addresses.len() == 2, "{addresses:?}");
        let mut client = dask.driver().await?;
        client.tell("scatter 6 1000").await?;
        for group in [&*dask.default_group(), "dual-six"] {
            dask.scale_group(group, 2).await?;
            dask.group_settled(group, 2, START).await?;
        }
        for group in [&*dask.default_group(), "dual-six"] {
            dask.scale_group(group, 1).await?;
            dask.group_settled(group, 1, LEAVE).await?;
        }
        client.nothing_was_lost().await
    })
    .await
}

/// Two workers with TLS are ready; one goes, and nothing is lost.
async fn leaves_with_tls(space: &Space, input: &str) -> Result<()> {
    let files = tempfile::tempdir()?;
    certificates::make(files.path());
    let from = format!("--from-file={}", files.path().display());
    space.kubectl(&["create", "secret", "generic", "keys", &from]).await?;
    let dask = inputs::apply(space, input).await?;
    until("the pods are ready", START, async || {
        let ready = dask.pods(&dask.default_group()).await?.iter().filter(|p| is_ready(p)).count();
        ensure!(ready == 2, "{ready} are");
        Ok(())
    })
    .await?;
    let address = format!("tls://{}", dask.address().await?);
    let mut client = Driver::connect_with(&address, &certificates::variables(files.path())).await?;
    client.tell("scatter 6 1000").await?;
    goes(&dask, LEAVE).await?;
    client.nothing_was_lost().await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_shell_may_know_the_address() -> Result<()> {
    test("shell-address", async |space| {
        let dask = inputs::apply(&space, "shell-variable-in-the-address").await?;
        dask.settled(2, START).await?;
        let mut client = dask.driver().await?;
        client.tell("scatter 6 1000").await?;
        goes(&dask, LEAVE).await?;
        client.nothing_was_lost().await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_worker_may_be_where_a_service_is() -> Result<()> {
    test("contact-address", async |space| {
        inputs::apply(&space, "contact-address-of-a-service").await?.settled(1, START).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn the_service_of_2022_is_told() -> Result<()> {
    test("service-2022", async |space| {
        let dask = inputs::apply(&space, "service-name-of-2022").await?;
        let told = dask.condition(Wanted("SpecWarning", true, ""), secs(20)).await?;
        ensure!(
            told.message.contains("aged-service") && told.message.contains("aged-scheduler"),
            "{}",
            told.message
        );
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn schedulers_of_one_template_stay_apart() -> Result<()> {
    test("selector-all", async |space| {
        inputs::apply(&space, "selector-of-all-schedulers").await?;
        for name in ["one", "two"] {
            until("its Service selects its scheduler alone", secs(20), async || {
                let service: Service = space.api().get(&format!("{name}-scheduler")).await?;
                let selector = service.spec.and_then(|s| s.selector).unwrap_or_default();
                let own = selector.get("dask.org/cluster-name").map(String::as_str);
                ensure!(own == Some(name), "{name}: {selector:?}");
                Ok(())
            })
            .await?;
        }
        for name in ["one", "two"] {
            Dask { space: space.clone(), name: name.into() }.settled(1, START).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_scheduler_has_the_labels_that_select_it() -> Result<()> {
    test("selector-own", async |space| {
        inputs::apply(&space, "selector-by-instance").await?.settled(1, START).await
    })
    .await
}
