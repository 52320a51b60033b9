//! What a worker's command line says for one option.

/// The value of an option such as `--tls-cert`, the last one that is given. Lines for a shell are read too.
pub fn value(line: &[String], option: &str) -> Option<String> {
    let mut words = line.iter().flat_map(|w| w.split_whitespace());
    let mut found = None;
    while let Some(word) = words.next() {
        match word.strip_prefix(option) {
            Some("") => found = words.next().or(found),
            Some(rest) => found = rest.strip_prefix('=').or(found),
            None => {}
        }
    }
    found.map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_counts_in_both_forms() {
        let of = |line: &str| value(&[line.into()], "--tls-cert").unwrap_or_default();
        assert_eq!(of("dask worker --tls-cert a.pem --tls-cert-more x"), "a.pem");
        assert_eq!(of("dask worker --tls-cert a.pem --tls-cert=b.pem"), "b.pem");
        assert_eq!([of("dask worker --tls-cert"), of("dask worker")], ["", ""]);
    }
}
