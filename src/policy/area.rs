//! Areas on the ground: boxes and polygons that declared coordinates may lie in, as the
//! Government-Related Location Data List has them (28 CFR 202.1401).

/// A point: degrees north and east.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Degrees north, -90 to 90.
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    pub longitude: f64,
}

/// A set of polygons. A box is a polygon of four corners.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Area {
    /// The name in its pack.
    pub name: String,
    polygons: Vec<Polygon>,
}

#[derive(Clone, Debug, PartialEq)]
struct Polygon {
    corners: Vec<Point>,
    /// The least box around it, asked first.
    low: Point,
    high: Point,
}

impl Point {
    /// A point on earth; none where the numbers are not on it.
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let on_earth = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        on_earth.then_some(Self { latitude, longitude })
    }
}

impl Area {
    /// An area without a place in it.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), polygons: Vec::new() }
    }

    /// Adds the polygon with these corners; fewer than three enclose nothing.
    pub fn add(&mut self, corners: Vec<Point>) {
        let bound = |pick: fn(f64, f64) -> f64| {
            corners.iter().copied().reduce(|a, b| Point {
                latitude: pick(a.latitude, b.latitude),
                longitude: pick(a.longitude, b.longitude),
            })
        };
        if let (Some(low), Some(high)) = (bound(f64::min), bound(f64::max))
            && corners.len() >= 3
        {
            self.polygons.push(Polygon { corners, low, high });
        }
    }

    /// Whether the point lies in the area; a point on an edge does.
    pub fn contains(&self, point: Point) -> bool {
        self.polygons.iter().any(|polygon| polygon.contains(point))
    }
}

impl Polygon {
    /// Counts the edges that a ray to the east crosses.
    fn contains(&self, at: Point) -> bool {
        let boxed = (self.low.latitude..=self.high.latitude).contains(&at.latitude)
            && (self.low.longitude..=self.high.longitude).contains(&at.longitude);
        if !boxed {
            return false;
        }
        let next = self.corners.iter().cycle().skip(1);
        let mut inside = false;
        for (a, b) in self.corners.iter().zip(next) {
            // Twice the area of the triangle: zero where the three lie on one line.
            let cross = (b.longitude - a.longitude) * (at.latitude - a.latitude)
                - (b.latitude - a.latitude) * (at.longitude - a.longitude);
            let between = (a.latitude.min(b.latitude)..=a.latitude.max(b.latitude))
                .contains(&at.latitude)
                && (a.longitude.min(b.longitude)..=a.longitude.max(b.longitude))
                    .contains(&at.longitude);
            if cross == 0.0 && between {
                return true;
            }
            if (a.latitude > at.latitude) != (b.latitude > at.latitude)
                && (cross > 0.0) == (b.latitude > a.latitude)
            {
                inside = !inside;
            }
        }
        inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(latitude: f64, longitude: f64) -> Point {
        Point::new(latitude, longitude).unwrap()
    }

    #[test]
    fn a_box_holds_its_edges() {
        let mut area = Area::new("box");
        area.add(vec![
            point(38.0, -77.0),
            point(38.0, -76.0),
            point(39.0, -76.0),
            point(39.0, -77.0),
        ]);
        for (latitude, longitude, inside) in [
            (38.5, -76.5, true),
            (38.0, -77.0, true),
            (39.0, -76.5, true),
            (37.999, -76.5, false),
            (38.5, -75.999, false),
        ] {
            assert_eq!(area.contains(point(latitude, longitude)), inside, "{latitude} {longitude}");
        }
    }

    #[test]
    fn a_bay_is_outside() {
        let mut area = Area::new("u");
        let corners =
            [(0., 0.), (0., 3.), (3., 3.), (3., 2.), (1., 2.), (1., 1.), (3., 1.), (3., 0.)];
        area.add(corners.into_iter().map(|(a, b)| point(a, b)).collect());
        assert!(area.contains(point(0.5, 1.5)));
        assert!(!area.contains(point(2.0, 1.5)), "in the bay");
        assert!(area.contains(point(2.0, 0.5)) && area.contains(point(2.0, 2.5)));
        assert!(Point::new(91.0, 0.0).is_none() && Point::new(f64::NAN, 0.0).is_none());
    }
}
