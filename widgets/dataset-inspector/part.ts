// The table of all rows, which a FinetunePanel is sent when its data is first looked at: the rows come from the kernel too.
export { RowsTable } from "./rows-table";
export { default as css } from "./table.css?inline";
