// Counts what stands on stdin with the module of the pages: {table, cases: [{text, rule | limits}]}.
import { readFileSync } from "node:fs";
import { count, faults, learn } from "../../project/static/js/count.js";

const { table, cases } = JSON.parse(readFileSync(0, "utf8"));
learn(table);
const answers = cases.map(({ text, rule, limits }) =>
  rule ? count(text, rule) : faults(text, limits),
);
process.stdout.write(JSON.stringify(answers));
