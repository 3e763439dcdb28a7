// What Microsoft's own parser says of queries: node parse.cjs FOLDER, where FOLDER has node_modules.
//
// In:  {"tables": {NAME: {COLUMN: TYPE}}, "queries": {NAME: TEXT}}
// Out: {NAME: {"findings": ["severity code at line: message"], "columns": {COLUMN: TYPE}}}

"use strict";

const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const home = join(process.argv[2], "node_modules", "@kusto", "language-service-next");
const say = console.log;
console.log = () => {}; // the library greets
require(join(home, "bridge.js"));
require(join(home, "Kusto.Language.Bridge.js"));
console.log = say;

const { KustoCode, GlobalState, Symbols } = Kusto.Language;
const { DatabaseSymbol, Symbol, TableSymbol } = Symbols;

const { tables, queries } = JSON.parse(readFileSync(0, "utf8"));

const declared = Object.entries(tables).map(([name, columns]) => {
  const list = Object.entries(columns).map(([column, type]) => `['${column}']: ${type}`);
  return TableSymbol.From(`(${list.join(", ")})`).WithName(name);
});
const database = new DatabaseSymbol.$ctor1("workspace", System.Array.init(declared, Symbol));
const globals = GlobalState.Default.WithDatabase(database);

const list = (found) => (found ? System.Linq.Enumerable.from(found, System.Object).ToArray() : []);

const answers = Object.entries(queries).map(([name, text]) => {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const findings = list(code.GetDiagnostics()).map((one) => {
    const line = text.slice(0, one.Start).split("\n").length;
    return `${one.Severity} ${one.Code} at line ${line}: ${one.Message}`;
  });
  const columns = list(code.ResultType?.Columns).map((one) => [one.Name, one.Type.Name]);
  return [name, { findings, columns: Object.fromEntries(columns) }];
});
process.stdout.write(JSON.stringify(Object.fromEntries(answers)));
