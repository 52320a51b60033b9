//! What is decoded of bodies that are made here.

use serde_json::json;

use super::decode;

/// A field that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

fn body(kind: &str, raw: &[u8]) -> Vec<u8> {
    let of = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
    [b"k8s\0".to_vec(), field(1, &of), field(2, raw), field(3, b""), field(4, b"")].concat()
}

#[test]
fn a_config_map_is_decoded_without_what_is_empty() {
    let meta = [field(1, b"a"), field(2, b""), vec![7 << 3, 0], field(8, b"")].concat();
    let entry = [field(1, b"k"), field(2, b"")].concat();
    let binary = [field(1, b"b"), field(2, &[255])].concat();
    let raw = [field(1, &meta), field(2, &entry), field(3, &binary), vec![4 << 3, 0]].concat();
    let wanted = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": ""},
        "binaryData": {"b": "/w=="}, "immutable": false,
    });
    assert_eq!(decode(&body("ConfigMap", &raw)).unwrap(), wanted);
}

#[test]
fn ports_are_numbers_or_texts() {
    let target = |bytes: &[u8]| {
        let port = [vec![3 << 3, 80], field(4, bytes)].concat();
        let raw = field(2, &field(1, &port));
        decode(&body("Service", &raw)).unwrap().pointer("/spec/ports/0").cloned().unwrap()
    };
    let number = [vec![1 << 3, 0, 2 << 3, 90], field(3, b"")].concat();
    assert_eq!(target(&number), json!({"port": 80, "targetPort": 90}));
    let text = [vec![1 << 3, 1, 2 << 3, 0], field(3, b"http")].concat();
    assert_eq!(target(&text), json!({"port": 80, "targetPort": "http"}));
}

#[test]
fn what_is_not_known_is_told() {
    let refused = |body: &[u8]| decode(body).unwrap_err();
    assert_eq!(refused(&body("CronJob", b"")).code, 415);
    let strange = refused(&body("ConfigMap", &field(9, b"x")));
    assert!(strange.message.contains("field 9 of ConfigMap"), "{strange}");
    for broken in [&b"{}"[..], b"k8s\0\x0a", &body("ConfigMap", b"\xff"), &body("ConfigMap", &[1 << 3, 1])] {
        assert_eq!(refused(broken).code, 400);
    }
}
