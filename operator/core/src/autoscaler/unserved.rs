//! Which work was seen to be no work for the workers of the groups that are scaled.

use crate::{
    autoscaler::{wanted::Scaled, wish::Infeasible},
    model::demand::Shape,
};

/// Most shapes that are remembered; the scheduler tells of no more at a time.
const MOST: usize = 64;

/// Shapes that were not served while workers were registered, and the templates of those.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Unserved {
    templates: Vec<Option<String>>,
    pub shapes: Vec<Shape>,
}

impl Unserved {
    /// Workers of other templates may have what these did not.
    pub fn keep(&mut self, scaled: &[Scaled<'_>]) {
        let of = |s: &Scaled<'_>| s.workers.group.status.template_hash.clone();
        let templates: Vec<_> = scaled.iter().map(of).collect();
        if templates != self.templates {
            *self = Self { templates, shapes: Vec::new() };
        }
    }

    /// Takes note of work that no registered worker can do.
    pub fn observe(&mut self, infeasible: &[Infeasible]) {
        let is_new = |i: &&Infeasible| !self.shapes.contains(&i.shape);
        let new: Vec<Shape> = infeasible.iter().filter(is_new).map(|i| i.shape.clone()).collect();
        self.shapes.extend(new);
        self.shapes.truncate(MOST);
    }
}
