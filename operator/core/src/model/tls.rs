//! Whether a scheduler's spec says that it speaks TLS. Only a hint on how to greet it first: a scheduler that
//! runs may have been made of another spec, and an image or a ConfigMap can say it too.

use serde_json::Value;

use crate::model::object::Cluster;

/// Environment variables of Dask's configuration that lead to TLS, and what they must contain for it; any value
/// of the others does.
const VARIABLES: [(&str, Option<&str>); 3] = [
    ("DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION", Some("true")),
    ("DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME", Some("tls")),
    ("DASK_DISTRIBUTED__COMM__TLS__", None),
];

/// Whether the cluster's scheduler is probably told to speak TLS.
pub fn is_likely(cluster: &Cluster) -> bool {
    let containers = cluster.spec.scheduler.spec.0.get("containers").and_then(Value::as_array);
    containers.into_iter().flatten().any(|container| {
        let words = ["command", "args"].map(|key| container.get(key).and_then(Value::as_array));
        let words = words.into_iter().flatten().flatten().filter_map(Value::as_str);
        let env = container.get("env").and_then(Value::as_array);
        // A shell's command line is one word.
        says(&words.collect::<Vec<_>>().join(" ")) || env.into_iter().flatten().any(is_variable)
    })
}

fn says(line: &str) -> bool {
    let words: Vec<&str> = line.split([' ', '=', '\'', '"', '\n']).filter(|w| !w.is_empty()).collect();
    let of_tls = |w: &&str| w.starts_with("tls://") || w.starts_with("--tls-");
    words.iter().any(of_tls) || words.windows(2).any(|pair| *pair == ["--protocol", "tls"])
}

fn is_variable(variable: &Value) -> bool {
    let name = variable.get("name").and_then(Value::as_str).unwrap_or_default();
    let value = variable.get("value").and_then(Value::as_str).unwrap_or_default();
    VARIABLES.iter().any(|(prefix, needle)| {
        name.starts_with(prefix) && needle.is_none_or(|n| value.to_ascii_lowercase().contains(n))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker_group::testing::cluster;
    use serde_json::json;

    #[test]
    fn command_lines_and_variables() {
        let with = |key: &str, value: Value| {
            let mut cluster = cluster("c");
            cluster.spec.scheduler.spec.0["containers"][0][key] = value;
            is_likely(&cluster)
        };
        let env = |name: &str, value: &str| with("env", json!([{"name": name, "value": value}]));
        for args in [
            json!(["dask", "scheduler", "--protocol", "tls"]),
            json!(["dask-scheduler", "--protocol=tls"]),
            json!(["dask", "scheduler", "--host", "tls://0.0.0.0"]),
            json!(["dask", "scheduler", "--tls-ca-file", "/tls/ca.crt"]),
            json!(["sh", "-c", "exec dask scheduler --protocol 'tls'"]),
        ] {
            assert!(with("args", args.clone()) && with("command", args.clone()), "{args}");
        }
        for args in
            [json!(["dask", "scheduler", "--protocol", "tcp"]), json!(["dask", "scheduler"]), json!("x")]
        {
            assert!(!with("args", args.clone()), "{args}");
        }
        assert!(env("DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION", "True"));
        assert!(!env("DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION", "False"));
        assert!(env("DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME", "tls"));
        assert!(env("DASK_DISTRIBUTED__COMM__TLS__CA_FILE", "/x"));
        assert!(!env("DASK_LOGGING__DISTRIBUTED", "tls"));
        assert!(!is_likely(&cluster("c")));
    }
}
