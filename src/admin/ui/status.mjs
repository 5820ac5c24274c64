// How the proxy stands, which every page shows something of.

import { Asked } from "./api.mjs";

export const status = new Asked();
