//! How much memory it takes to list objects: with the biggest that the API server takes, and many of them, the operator
//! stays far under its chart's limit of 128 MiB.
#![cfg(target_os = "linux")]

#[cfg(test)]
mod tests {
    use std::{
        fmt::Write,
        sync::{Arc, Mutex},
        time::Duration,
    };

    use dask_operator::{
        context::{Access, Context, Settings},
        env::{Environment, RandomSource, SystemClock},
        leadership::Leadership,
        metrics::Metrics,
        scheduler::Direct,
        watch,
    };
    use http::{Request, Response};
    use kube::{Client, client::Body};

    /// Objects of each kind.
    const OBJECTS: usize = 20;
    /// Bytes of each: a little less than etcd takes.
    const SIZE: usize = 1_400_000;
    /// Resource and number of objects of each list that was asked for.
    type Lists = Arc<Mutex<Vec<(String, usize)>>>;

    /// Most memory that this process has used so far, in MiB.
    fn peak() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
    }

    /// As many tiny values as fit.
    fn hostile() -> String {
        let mut junk = String::from("[{}");
        while junk.len() < SIZE {
            junk.push_str(",{\"\":0}");
        }
        format!("{{\"junk\":{junk}]}}")
    }

    /// As many environment variables as fit.
    fn honest() -> String {
        let mut env = String::from("[{\"name\":\"FIRST\"}");
        for n in 0.. {
            if env.len() > SIZE {
                break;
            }
            write!(env, ",{{\"name\":\"VARIABLE_{n:05}\",\"value\":\"0123456789\"}}").unwrap();
        }
        format!("{{\"containers\":[{{\"name\":\"c\",\"image\":\"i\",\"env\":{env}]}}]}}")
    }

    fn small() -> String {
        r#"{"containers":[{"name":"c","image":"i","args":["dask","worker"]}]}"#.into()
    }

    /// What the spec of each object is made of.
    type Pod = fn() -> String;

    /// One object of a kind, whose pod is this.
    fn object(plural: &str, n: usize, pod: &str) -> Option<String> {
        let spec = match plural {
            "daskclusters" => {
                let scheduler = r#"{"spec":{},"service":{}}"#;
                format!(r#"{{"worker":{{"spec":{pod}}},"scheduler":{scheduler}}}"#)
            }
            "daskworkergroups" => format!(r#"{{"cluster":"none","worker":{{"spec":{pod}}}}}"#),
            "pods" => pod.to_string(),
            _ => return None,
        };
        // A tree, too, where it is decoded as one.
        let fields = r#"[{"manager":"m","fieldsV1":{"f:spec":{"f:a":{"f:b":{}}}}}]"#;
        let labels = r#"{"dask.org/cluster-name":"none","dask.org/component":"worker"}"#;
        Some(format!(
            r#"{{"metadata":{{"namespace":"ns","name":"o-{n:04}","uid":"{plural}-{n}","resourceVersion":"1","labels":{labels},"managedFields":{fields}}},"spec":{spec}}}"#
        ))
    }

    /// An API server with these objects of each kind, whose watches tell of nothing.
    fn server(objects: usize, pod: Pod, lists: &Lists) -> Client {
        let lists = lists.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let query = request.uri().query().unwrap_or_default().to_string();
            let of = |key: &str| query.split('&').find_map(|p| p.strip_prefix(key)?.parse::<usize>().ok());
            let plural = request.uri().path().rsplit('/').next().unwrap_or_default().to_string();
            let watches = query.contains("watch=true");
            let (limit, from) = (of("limit=").unwrap_or(500), of("continue=").unwrap_or(0));
            let lists = lists.clone();
            async move {
                if watches {
                    return std::future::pending().await;
                }
                let to = (from + limit).min(objects);
                lists.lock().unwrap().push((plural.clone(), to - from));
                let next = if to < objects { to.to_string() } else { String::new() };
                let head = format!(r#"{{"metadata":{{"resourceVersion":"1","continue":"{next}"}},"items":["#);
                // Made while it is read: what counts is what the operator keeps of it.
                let each = (from..to).filter_map(move |n| {
                    let comma = if n > from { "," } else { "" };
                    Some(format!("{comma}{}", object(&plural, n, &pod())?))
                });
                let pieces = [head].into_iter().chain(each).chain(["]}".to_string()]);
                let pieces = futures::stream::iter(pieces.map(Ok::<_, std::io::Error>));
                Ok::<_, std::io::Error>(Response::new(axum::body::Body::from_stream(pieces)))
            }
        });
        Client::new(service, "ns")
    }

    /// Lists everything; answers with the operator, and how many megabytes that took.
    async fn listed(objects: usize, pod: Pod, lists: &Lists) -> (Arc<Context>, usize) {
        let env = Environment {
            clock: Arc::new(SystemClock),
            random: RandomSource::seeded(1),
            dial: Arc::new(Direct),
        };
        let settings = Settings {
            autoscaler_maximum: 1_000,
            namespaces: Vec::new(),
            cluster_domain: "cluster.local".into(),
            poll: Duration::from_secs(2),
            agent: dask_operator_core::resources::agent_plan::Settings::default(),
            nodes: false,
        };
        let (client, leadership) = (server(objects, pod, lists), Leadership::alone());
        let operator =
            Context::new(Access { client, env, metrics: Metrics::new().unwrap(), leadership }, settings);
        let before = peak();
        watch::start(&operator, None);
        let ready = async {
            while !operator.health.missing().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), ready).await.unwrap();
        (operator, peak() - before)
    }

    #[tokio::test]
    async fn the_biggest_objects_leave_room() {
        let lists = Lists::default();
        let (operator, took) = listed(1_000, small, &lists).await;
        assert_eq!(operator.state.lock().cache.groups.len(), 1_000);
        let of_clusters = lists.lock().unwrap().iter().filter(|(p, _)| p == "daskclusters").count();
        assert_eq!(of_clusters, 10, "small objects come by the hundred");
        eprintln!("1,000 small ones: {took} MiB");

        for (pod, what) in [(honest as Pod, "honest"), (hostile, "hostile")] {
            let (operator, took) = listed(OBJECTS, pod, &lists).await;
            eprintln!("{OBJECTS} {what} ones of each kind: {took} MiB");
            assert!(took < 64, "{took} MiB for {what} objects");
            assert_eq!(operator.state.lock().all_unreadable().len(), 2 * OBJECTS, "{what}");
        }
    }
}
