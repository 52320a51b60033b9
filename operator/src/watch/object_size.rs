//! How much memory an object of ours will take, told from its text before anything is made of it.

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

/// Bytes of a map with one entry: the node of a tree that has room for eleven.
const NODE: usize = 640;
/// Bytes of each further entry of a map, whose nodes are half full when keys come in order.
pub const ENTRY: usize = 128;
/// Bytes of a list's entry. A list has room for four at least, and for twice as many as it has at most.
const ITEM: usize = 64;
/// Bytes of a text beside its letters.
const TEXT: usize = 16;

/// Bytes that a value of JSON takes as a tree of values, not much less than it will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight(pub usize);

impl Weight {
    /// Of this text; zero where it is no JSON, which decoding it will tell.
    pub fn of(text: &str) -> usize {
        serde_json::from_str(text).map_or(0, |Self(bytes)| bytes)
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Weigh).map(Self)
    }
}

struct Weigh;

impl<'de> Visitor<'de> for Weigh {
    type Value = usize;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value of JSON")
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<usize, E> {
        Ok(0)
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<usize, E> {
        Ok(0)
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<usize, E> {
        Ok(0)
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<usize, E> {
        Ok(0)
    }
    fn visit_unit<E: Error>(self) -> Result<usize, E> {
        Ok(0)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<usize, E> {
        Ok(text.len() + TEXT)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<usize, A::Error> {
        let mut all = 0;
        while let Some(Weight(bytes)) = list.next_element()? {
            all += bytes + if all == 0 { 4 * ITEM } else { ITEM };
        }
        Ok(all)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<usize, A::Error> {
        let mut all = 0;
        while let Some((Weight(key), Weight(value))) = map.next_entry()? {
            all += key + value + if all == 0 { NODE } else { ENTRY };
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiny_values_weigh_a_hundred_times_their_text() {
        for (text, factor) in
            [(r#"[{"":0},{"":0}]"#, 90), (r#"["a long text that is only a text"]"#, 8), ("7", 0)]
        {
            let Weight(bytes) = serde_json::from_str(text).unwrap();
            assert!((text.len() * factor..=text.len() * (factor + 20)).contains(&bytes), "{text}: {bytes}");
        }
        assert_eq!(Weight::of("{"), 0, "what is no JSON is told when it is decoded");
    }
}
