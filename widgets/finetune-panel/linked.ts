// The modules that the panel shares with its parts, by the names that widgets/parts.mjs lists.

import { Component, Fragment, h } from "preact";
import * as hooks from "preact/hooks";
import * as rowPane from "../dataset-inspector/row-pane";
import * as format from "../shared/format";
import * as memo from "../shared/memo";
import * as points from "../shared/points";
import * as store from "../shared/store";
import * as ui from "../shared/ui";
import * as visible from "../shared/visible";

export const linked: Record<string, unknown> = {
  preact: { Component, Fragment, h },
  "preact/hooks": hooks,
  "shared/format": format,
  "shared/memo": memo,
  "shared/points": points,
  "shared/store": store,
  "shared/ui": ui,
  "shared/visible": visible,
  "dataset-inspector/row-pane": rowPane,
};
