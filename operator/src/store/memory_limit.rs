//! How much memory all objects of ours may take together, and who goes without when it gets scarce: the big ones.

use std::collections::BTreeMap;

use crate::object_ref::ObjectKey;

/// Bytes for all objects together. With as much again for what is decided on and what is read meanwhile, the
/// operator stays under its chart's limit of 128 MiB.
pub const ALL: usize = 40 << 20;
/// Most bytes of one object, while there is plenty of room: some ten thousand environment variables.
pub const LARGE: usize = 10 << 20;
/// An object that takes no more than this is held however many there are: three hundred environment variables.
pub const SMALL: usize = 256 << 10;

/// What the objects of ours that are held take, by their resources' plurals and their keys.
#[derive(Debug, Default)]
pub struct MemoryBudget {
    sizes: BTreeMap<(&'static str, ObjectKey), usize>,
    taken: usize,
}

impl MemoryBudget {
    /// Holds an object of so many bytes in place of what it was before.
    ///
    /// # Errors
    /// It is too big: how many bytes it may take at present. What it was before is still held.
    pub fn hold(&mut self, plural: &'static str, key: &ObjectKey, bytes: usize) -> Result<(), usize> {
        let before = self.sizes.get(&(plural, key.clone())).copied().unwrap_or_default();
        let others = self.taken.saturating_sub(before);
        // A quarter of what is left: a few big ones leave room for all that are not.
        let most = (ALL.saturating_sub(others) / 4).clamp(SMALL, LARGE);
        if bytes > most {
            return Err(most);
        }
        self.taken = others + bytes;
        self.sizes.insert((plural, key.clone()), bytes);
        Ok(())
    }

    /// An object is not held any more.
    pub fn release(&mut self, plural: &'static str, key: &ObjectKey) {
        let bytes = self.sizes.remove(&(plural, key.clone())).unwrap_or_default();
        self.taken = self.taken.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> ObjectKey {
        ObjectKey::new("ns", n.to_string())
    }

    #[test]
    fn big_objects_go_without_and_small_ones_never() {
        let mut room = MemoryBudget::default();
        assert_eq!(room.hold("daskclusters", &key(0), LARGE + 1), Err(LARGE));
        let held = (0..1000).filter(|n| room.hold("daskclusters", &key(*n), 2 << 20).is_ok()).count();
        assert!((10..=20).contains(&held), "{held}");
        assert!(room.taken <= ALL);
        for n in 1000..2000 {
            assert_eq!(room.hold("daskclusters", &key(n), SMALL), Ok(()));
        }
    }

    #[test]
    fn room_is_free_again() {
        let mut room = MemoryBudget::default();
        for _ in 0..100 {
            assert_eq!(room.hold("daskclusters", &key(1), LARGE), Ok(()), "the same one again");
        }
        assert!(room.hold("daskjobs", &key(1), LARGE).is_err(), "another one");
        room.release("daskclusters", &key(1));
        assert_eq!(room.hold("daskjobs", &key(1), LARGE), Ok(()));
    }
}
