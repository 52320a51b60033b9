//! What happened in a run, look by look, and how it is drawn.

use std::fmt::Write;

use crate::{
    numbers::{count, seconds},
    world::World,
};

/// How it stood when the autoscaler had looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Milliseconds from the beginning.
    pub at: u64,
    /// Pods.
    pub pods: usize,
    /// Workers that are registered.
    pub registered: usize,
    /// Workers that run something.
    pub busy: usize,
    /// Tasks that are ready and run on no worker.
    pub ready: usize,
}

impl Sample {
    /// How it stands now.
    pub fn of(world: &World<'_>) -> Self {
        let up = world.up().map(|(_, w)| w);
        Self {
            at: world.now,
            pods: world.live().count(),
            registered: up.clone().count(),
            busy: up.filter(|w| !w.running.is_empty()).count(),
            ready: (0..world.workload.kinds.len()).map(|k| world.ready(k)).sum(),
        }
    }
}

/// What happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// In the order of time; only where something differs.
    pub samples: Vec<Sample>,
}

/// Size of one drawing, in SVG's units.
const SIZE: (f64, f64) = (900.0, 150.0);
/// Room above each drawing for its words.
const TITLE: f64 = 28.0;

impl Timeline {
    /// Adds a sample, if it differs from the last one.
    pub fn add(&mut self, sample: Sample) {
        if self.samples.last().is_none_or(|last| Sample { at: sample.at, ..*last } != sample) {
            self.samples.push(sample);
        }
    }

    /// Most pods at a time.
    pub fn peak(&self) -> usize {
        self.samples.iter().map(|s| s.pods).max().unwrap_or(0)
    }

    /// A step line through what `of` says of each sample, as the points of an SVG polyline.
    fn points(&self, scale: Scale, of: impl Fn(&Sample) -> usize) -> String {
        let mut points = String::new();
        let mut before = scale.y(0);
        for sample in &self.samples {
            let (x, y) = (scale.x(sample.at), scale.y(of(sample)));
            // Writing to a text does not fail.
            let _ = write!(points, "{x:.1},{before:.1} {x:.1},{y:.1} ");
            before = y;
        }
        let _ = write!(points, "{:.1},{before:.1}", SIZE.0);
        points
    }
}

/// A line's colour, and what it shows of a sample.
type Line = (&'static str, fn(&Sample) -> usize);

/// How much a unit of time and one worker are on the drawing.
#[derive(Clone, Copy)]
struct Scale {
    end: u64,
    most: usize,
    top: f64,
}

impl Scale {
    fn x(self, at: u64) -> f64 {
        SIZE.0 * seconds(at) / seconds(self.end.max(1))
    }

    fn y(self, number: usize) -> f64 {
        self.top + SIZE.1 * (1.0 - count(number.min(self.most)) / count(self.most.max(1)))
    }
}

/// Draws timelines below one another, to one scale, as SVG: pods, registered workers and busy workers.
pub fn svg(title: &str, timelines: &[(&str, &Timeline)]) -> String {
    let end = timelines.iter().filter_map(|(_, t)| t.samples.last()).map(|s| s.at).max().unwrap_or(0);
    let most = timelines.iter().map(|(_, t)| t.peak()).max().unwrap_or(0);
    let mut drawing = String::new();
    let mut top = TITLE;
    let _ = write!(drawing, "<text x=\"0\" y=\"18\" font-weight=\"bold\">{}</text>", escaped(title));
    for (name, timeline) in timelines {
        top += TITLE;
        let scale = Scale { end, most, top };
        let _ = write!(
            drawing,
            "<text x=\"0\" y=\"{:.0}\">{}: pods (grey), registered (blue), busy (green); up to {most} in {} s</text>",
            top - 8.0,
            escaped(name),
            end / 1000
        );
        let lines: [Line; 3] = [("#999", |s| s.pods), ("#36c", |s| s.registered), ("#2a2", |s| s.busy)];
        for (colour, of) in lines {
            let points = timeline.points(scale, of);
            let _ = write!(drawing, "<polyline fill=\"none\" stroke=\"{colour}\" points=\"{points}\"/>");
        }
        top += SIZE.1;
    }
    let (width, height) = (SIZE.0, top + TITLE);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">{drawing}</svg>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
