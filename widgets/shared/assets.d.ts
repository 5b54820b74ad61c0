declare module "*.css?inline" {
  const css: string;
  export default css;
}

declare module "*/part.ts?part" {
  const text: string;
  export default text;
}
