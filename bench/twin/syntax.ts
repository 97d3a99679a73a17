// What the twin's translator needs of AssemblyScript's syntax tree, which its package types only in part.
import assemblyscript from "assemblyscript";

/** A node of the tree. Which members there are depends on `kind`; the package has no types for them. */
// biome-ignore lint/suspicious/noExplicitAny: the tree is walked by kind.
export type Node = any;

type KindName =
  | "Assertion"
  | "Binary"
  | "Block"
  | "Break"
  | "Call"
  | "ClassDeclaration"
  | "Comma"
  | "Continue"
  | "Do"
  | "Empty"
  | "EnumDeclaration"
  | "Expression"
  | "False"
  | "For"
  | "FunctionDeclaration"
  | "Identifier"
  | "If"
  | "Import"
  | "Literal"
  | "Parenthesized"
  | "PropertyAccess"
  | "Return"
  | "Switch"
  | "Ternary"
  | "True"
  | "TypeDeclaration"
  | "UnaryPostfix"
  | "UnaryPrefix"
  | "Variable"
  | "While";

interface Parser {
  newOptions(): unknown;
  newProgram(options: unknown): Program;
  parse(program: Program, text: string, path: string, isEntry: boolean): void;
  operatorTokenToString(token: number): string;
  readonly NodeKind: Readonly<Record<KindName, number>>;
}

interface Program {
  readonly sources: readonly { readonly normalizedPath: string; readonly statements: readonly Node[] }[];
  readonly diagnostics: readonly { readonly message: string }[];
}

const parser = assemblyscript as unknown as Parser;

/** Kinds of nodes by name. */
export const NodeKind = parser.NodeKind;

/** The statements of one file. Throws where the file is no AssemblyScript. */
export function parseFile(text: string, path: string): readonly Node[] {
  const program = parser.newProgram(parser.newOptions());
  parser.parse(program, text, path, true);
  const [problem] = program.diagnostics;
  if (problem) throw new Error(`${path}: ${problem.message}`);
  return program.sources.find((source) => source.normalizedPath === path)!.statements;
}

/** The operator's text, `===` included. */
export function operatorText(token: number): string {
  return parser.operatorTokenToString(token);
}

/** Name of a type as written. */
export function typeName(type: Node): string {
  return type.name.identifier.text as string;
}
