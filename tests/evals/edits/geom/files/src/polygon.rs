use crate::{Point, Rect};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Polygon {
    points: Vec<Point>,
}

impl Polygon {
    pub fn new(points: Vec<Point>) -> Self {
        Self { points }
    }

    pub fn perimeter(&self) -> f64 {
        let mut sum = 0.0;
        for i in 1..self.points.len() {
            sum += self.points[i - 1].distance(self.points[i]);
        }
        sum
    }

    /// The smallest rectangle around it; `None` without points.
    pub fn bounds(&self) -> Option<Rect> {
        let first = *self.points.first()?;
        let mut bounds = Rect::new(first, first);
        for p in &self.points {
            bounds = Rect::new(
                Point::new(bounds.min.x.min(p.x), bounds.min.y.min(p.y)),
                Point::new(bounds.max.x.max(p.x), bounds.max.y.max(p.y)),
            );
        }
        Some(bounds)
    }
}
