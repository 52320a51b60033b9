//! What a worker's command line and variables say of TLS, in the words of `distributed.comm.tls`.

use std::ffi::OsString;

use dask_worker_line::value;

/// Where variables of Dask's configuration begin, and the part of it that is meant.
const VARIABLES: &str = "dask_distributed__comm__tls__";

/// What is known of the certificates: files, or their text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The authority's certificates.
    pub ca: Option<String>,
    /// The worker's own certificate, and those between it and the authority.
    pub cert: Option<String>,
    /// Its key; `None`: it is beside the certificate.
    pub key: Option<String>,
    /// Whether TLS 1.2 is not enough (`min-version: 1.3`).
    pub only_newest: bool,
    /// The name to ask the scheduler for.
    pub sni: Option<String>,
}

impl Settings {
    /// From flags, which go first, and variables.
    pub fn of(line: &[String], variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let mut settings = Self { sni: value(line, "--scheduler-sni"), ..Self::default() };
        for (name, text) in variables {
            let (Some(name), Some(text)) = (name.to_str(), text.to_str()) else { continue };
            // As `dask.config.collect_env` reads them.
            let name = name.to_lowercase().replace('-', "_");
            let text = Some(text.trim_matches(['"', '\'']).to_owned()).filter(|t| !t.is_empty());
            match name.strip_prefix(VARIABLES) {
                Some("ca_file") => settings.ca = text,
                Some("worker__cert") => settings.cert = text,
                Some("worker__key") => settings.key = text,
                Some("min_version") => settings.only_newest = text.as_deref() == Some("1.3"),
                _ => {}
            }
        }
        let flag = |option| value(line, option);
        settings.ca = flag("--tls-ca-file").or(settings.ca);
        settings.cert = flag("--tls-cert").or(settings.cert);
        settings.key = flag("--tls-key").or(settings.key);
        settings
    }

    /// Whether no file is left to be named by the configuration.
    pub fn names_all(&self) -> bool {
        self.ca.is_some() && self.cert.is_some() && self.key.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str, variables: &[(&str, &str)]) -> Settings {
        let line: Vec<String> = line.split(' ').map(String::from).collect();
        Settings::of(&line, variables.iter().map(|(k, v)| (k.into(), v.into())))
    }

    #[test]
    fn flags_go_before_variables() {
        let variables = [
            ("DASK_DISTRIBUTED__COMM__TLS__CA_FILE", "/tls/ca.pem"),
            ("DASK_DISTRIBUTED__COMM__TLS__WORKER__CERT", "'/tls/cert.pem'"),
            ("DASK_DISTRIBUTED__COMM__TLS__SCHEDULER__KEY", "another's"),
            ("DASK_DISTRIBUTED__COMM__TLS__MIN-VERSION", "1.3"),
        ];
        let settings = of("dask worker --tls-cert=/own.pem --scheduler-sni s", &variables);
        let is = |s: &Option<String>, text: &str| s.as_deref() == Some(text);
        assert!(is(&settings.ca, "/tls/ca.pem") && is(&settings.cert, "/own.pem") && is(&settings.sni, "s"));
        assert!(settings.only_newest && settings.key.is_none() && !settings.names_all());
        let settings = of("dask worker --tls-key /key.pem", &variables);
        assert!(is(&settings.cert, "/tls/cert.pem") && settings.names_all());
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(
            of("dask worker", &[("DASK_X", "1"), ("DASK_DISTRIBUTED__COMM__TLS__CA_FILE", "")]),
            Settings::default()
        );
    }
}
