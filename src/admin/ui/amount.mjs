// How much data a slice is, whose and in which form, in words.

import * as as from "./format.mjs";

const UNITS = { subjects: "person", devices: "device", records: "record" };
const MANY = { person: "people", device: "devices", record: "records" };

export const amount = (slice) =>
  [
    slice.of && `of people in ${as.country(slice.of)}`,
    ...Object.entries(UNITS).filter(([what]) => slice[what] != null).map(([what, one]) => `${as.count(slice[what])} ${slice[what] === 1 ? one : MANY[one]}`),
    slice.state,
    slice.linked && "linked to one another",
    slice.located && "tells of a place",
  ].filter(Boolean).join(", ");
