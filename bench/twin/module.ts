// The files of the datapath, and what each name in them means: a constant, a variable or a function of
// the C program.
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { type Node, NodeKind, parseFile, typeName } from "./syntax.ts";

/** Bit of a declaration's flags that says `const`. */
const FLAG_CONST = 8;

/** What a name at the top of a file stands for. */
export type Meaning =
  | { readonly sort: "constant"; readonly type: string; readonly value: bigint }
  | { readonly sort: "enum"; readonly members: ReadonlyMap<string, bigint> }
  | { readonly sort: "type"; readonly target: string }
  | { readonly sort: "variable" | "function" | "class"; readonly id: string; readonly node: Node };

/** One file. */
export interface Module {
  readonly path: string;
  /** Prefix of its names in C. */
  readonly prefix: string;
  readonly statements: readonly Node[];
  /** Names visible in the file, imported ones included. */
  readonly names: Map<string, Meaning>;
}

/** Reads an entry file and all that it imports, each file behind those it needs. */
export function readModules(root: string, entry: string): Module[] {
  const modules = new Map<string, Module>();
  const visit = (path: string): Module => {
    const known = modules.get(path);
    if (known) return known;
    const shown = relative(root, path);
    const module: Module = {
      path: shown,
      prefix: shown.replace(/\.ts$/, "").replace(/[^a-zA-Z0-9]/g, "_"),
      statements: parseFile(readFileSync(path, "utf8"), shown),
      names: new Map(),
    };
    // Known before its imports are read: files of pmd/ import each other in circles.
    modules.set(path, module);
    declareNames(module);
    for (const statement of module.statements) {
      if (statement.kind !== NodeKind.Import) continue;
      const source = visit(join(dirname(path), statement.path.value as string));
      for (const declaration of (statement.declarations ?? []) as Node[]) {
        const symbol = source.names.get(declaration.foreignName.text as string);
        if (!symbol) throw new Error(`${shown}: ${declaration.foreignName.text} is not in ${source.path}`);
        module.names.set(declaration.name.text as string, symbol);
      }
    }
    declareConstants(module);
    return module;
  };
  visit(join(root, entry));
  return [...modules.values()];
}

/** Value of an expression of literals and constants; undefined when it is none. */
export function constantValue(node: Node, names: ReadonlyMap<string, Meaning>): bigint | undefined {
  if (node.kind === NodeKind.Literal && node.value?.low !== undefined) {
    return (BigInt(node.value.high >>> 0) << 32n) | BigInt(node.value.low >>> 0);
  }
  if (node.kind === NodeKind.Parenthesized || node.kind === NodeKind.Assertion) {
    return constantValue(node.expression as Node, names);
  }
  if (node.kind === NodeKind.Identifier) {
    const symbol = names.get(node.text as string);
    return symbol?.sort === "constant" ? symbol.value : undefined;
  }
  if (node.kind === NodeKind.PropertyAccess) return enumMember(node, names);
  if (node.kind !== NodeKind.Binary) return undefined;
  const left = constantValue(node.left as Node, names);
  const right = constantValue(node.right as Node, names);
  const operator = binaryOperators[node.operator as number];
  return left === undefined || right === undefined ? undefined : operator?.(left, right);
}

/** Value of `Enum.MEMBER`; undefined when it is none. */
function enumMember(node: Node, names: ReadonlyMap<string, Meaning>): bigint | undefined {
  const symbol = names.get(node.expression.text as string);
  return symbol?.sort === "enum" ? symbol.members.get(node.property.text as string) : undefined;
}

/** Operators that constants are made with, by AssemblyScript's token number. */
const binaryOperators: Readonly<Record<number, (x: bigint, y: bigint) => bigint>> = {
  81: (x, y) => x + y,
  82: (x, y) => x - y,
  84: (x, y) => x * y,
  85: (x, y) => x / y,
  89: (x, y) => x << y,
  90: (x, y) => x >> y,
  92: (x, y) => x & y,
  93: (x, y) => x | y,
  94: (x, y) => x ^ y,
};

function declareNames(module: Module): void {
  for (const statement of module.statements) {
    if (statement.kind === NodeKind.EnumDeclaration) {
      module.names.set(statement.name.text as string, { sort: "enum", members: enumMembers(statement) });
    } else if (statement.kind === NodeKind.TypeDeclaration) {
      module.names.set(statement.name.text as string, {
        sort: "type",
        target: typeName(statement.type as Node),
      });
    } else if (
      statement.kind === NodeKind.FunctionDeclaration ||
      statement.kind === NodeKind.ClassDeclaration
    ) {
      const name = statement.name.text as string;
      const sort = statement.kind === NodeKind.ClassDeclaration ? "class" : "function";
      module.names.set(name, { sort, id: `${module.prefix}_${name}`, node: statement });
    } else if (statement.kind === NodeKind.Variable) {
      for (const declaration of statement.declarations as Node[]) {
        if (isConstant(declaration)) continue;
        const name = declaration.name.text as string;
        module.names.set(name, { sort: "variable", id: `${module.prefix}_${name}`, node: declaration });
      }
    }
  }
}

function declareConstants(module: Module): void {
  for (const statement of module.statements) {
    if (statement.kind !== NodeKind.Variable) continue;
    for (const declaration of statement.declarations as Node[]) {
      if (!isConstant(declaration)) continue;
      const name = declaration.name.text as string;
      const value = constantValue(declaration.initializer as Node, module.names);
      if (value === undefined) throw new Error(`${module.path}: the constant ${name} is no plain number`);
      module.names.set(name, {
        sort: "constant",
        type: plainType(typeName(declaration.type as Node), module),
        value,
      });
    }
  }
}

/** The type behind an alias, which may not be visible where the constant is used. */
function plainType(name: string, module: Module): string {
  const symbol = module.names.get(name);
  return symbol?.sort === "type" ? plainType(symbol.target, module) : name;
}

function isConstant(declaration: Node): boolean {
  return ((declaration.flags as number) & FLAG_CONST) !== 0;
}

function enumMembers(declaration: Node): Map<string, bigint> {
  const members = new Map<string, bigint>();
  let next = 0n;
  for (const member of declaration.values as Node[]) {
    if (member.initializer) next = constantValue(member.initializer as Node, new Map()) ?? next;
    members.set(member.name.text as string, next++);
  }
  return members;
}
