// What JSX becomes in the bundles: calls of `h`, which are a tenth shorter than those of the automatic runtime.
export { Fragment as jsxFragment, h as jsxElement } from "preact";
