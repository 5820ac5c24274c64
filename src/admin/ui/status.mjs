// How the proxy stands, which every page shows something of.

import { Asked } from "./api.mjs";

export const status = new Asked();

/** Whether a journal is kept; null until that is known. */
export const kept = () => status.value.value?.journal?.kept ?? (status.problem.value ? true : null);
