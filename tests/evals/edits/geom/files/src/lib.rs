//! Points and shapes of the plane.

mod point;
mod polygon;
mod rect;

pub use point::Point;
pub use polygon::Polygon;
pub use rect::Rect;
