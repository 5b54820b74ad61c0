// The modules that the panel shares with its parts, by the names that widgets/parts.mjs lists.

import { Component, Fragment, h } from "preact";
import * as hooks from "preact/hooks";
import * as format from "../shared/format";
import * as ui from "../shared/ui";

export const linked: Record<string, unknown> = {
  preact: { Component, Fragment, h },
  "preact/hooks": hooks,
  "shared/format": format,
  "shared/ui": ui,
};
