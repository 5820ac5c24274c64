//! `[area.*]`: boxes and polygons on the ground.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use crate::policy::{Area, Point};

use super::super::moments::to_decimal;
use super::super::section::Section;

/// The areas of one pack, by name.
pub(super) fn read(root: &Section<'_>) -> BTreeMap<String, Area> {
    let table = root.section("area");
    let areas = table.named_sections().into_iter().map(|(name, section)| {
        let mut area = Area::new(name.text);
        for one in section.sections("boxes") {
            match corners(&one) {
                Some(corners) => area.add(corners),
                None => one.problem(
                    one.span(),
                    "a box has `south`, `west`, `north` and `east` in degrees on earth",
                    None,
                ),
            }
        }
        polygons(&section, &mut area);
        for key in ["cite", "note"] {
            section.word(key);
        }
        section.flag("verify");
        (name.text.to_owned(), area)
    });
    areas.collect()
}

fn corners(section: &Section<'_>) -> Option<Vec<Point>> {
    let [south, west, north, east] =
        ["south", "west", "north", "east"].map(|key| section.decimal(key));
    section.word("note");
    let (south, west, north, east) = (south?, west?, north?, east?);
    let corner = |(latitude, longitude)| Point::new(latitude, longitude);
    let corners = [(south, west), (south, east), (north, east), (north, west)];
    corners
        .into_iter()
        .map(corner)
        .collect::<Option<Vec<_>>>()
        .filter(|_| south < north && west < east)
}

fn polygons(section: &Section<'_>, area: &mut Area) {
    let Some(value) = section.value("polygons") else { return };
    for polygon in value.get_ref().as_array().into_iter().flat_map(|list| list.iter()) {
        let points =
            polygon.get_ref().as_array().into_iter().flat_map(|list| list.iter()).map(point);
        match points.collect::<Option<Vec<_>>>() {
            Some(points) if points.len() >= 3 => area.add(points),
            Some(_) | None => {
                let message = "a polygon has at least three points [latitude, longitude]";
                section.problem(polygon.span(), message, None);
            }
        }
    }
}

fn point(value: &Spanned<DeValue<'_>>) -> Option<Point> {
    let pair: Vec<_> = value.get_ref().as_array()?.iter().map(to_decimal).collect();
    match pair.as_slice() {
        [Some(latitude), Some(longitude)] => Point::new(*latitude, *longitude),
        _ => None,
    }
}
