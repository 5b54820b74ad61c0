// Drawing a component anew only when a property of it changed. preact/compat has one too, and 10 kB with it.

import { Component, type ComponentType } from "preact";

export function memo<Props extends object>(Drawn: ComponentType<Props>): ComponentType<Props> {
  return class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Props): boolean {
      const now = this.props as Record<string, unknown>;
      const then = next as Record<string, unknown>;
      return Object.keys({ ...now, ...then }).some((key) => !Object.is(now[key], then[key]));
    }

    override render() {
      return <Drawn {...this.props} />;
    }
  };
}
