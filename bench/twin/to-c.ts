// Prints functions and variables of the datapath as C. The sources keep to a subset that means the same
// in C: fixed-width integers, loads and stores with addresses, no objects. Locals without a type become
// GCC's __auto_type; every expression is put in parentheses.
import { constantValue, type Meaning, type Module } from "./module.ts";
import { type Node, NodeKind, operatorText, typeName } from "./syntax.ts";

const builtinTypes = new Set(["u8", "u16", "u32", "u64", "i32", "i64", "usize", "bool", "void", "v128"]);
/** Namespaces of AssemblyScript's standard library whose members runtime.h has as `space_member`. */
const spaces = new Set(["v128", "i8x16", "i16x8", "i32x4", "i64x2", "memory", "atomic"]);
const renamedOperators: Readonly<Record<string, string>> = { "===": "==", "!==": "!=" };

/** C text of all modules: prototypes, variables, functions. */
export function modulesToC(modules: readonly Module[]): string {
  const prototypes: string[] = [];
  const variables: string[] = [];
  const functions: string[] = [];
  for (const module of modules) {
    const printer = new Printer(module);
    for (const [id, node, inline] of functionsOf(module)) {
      const head = printer.head(id, node, inline);
      prototypes.push(`${head};`);
      functions.push(`${head} ${printer.statement(node.body as Node)}`);
    }
    for (const statement of module.statements) {
      if (statement.kind !== NodeKind.Variable) continue;
      for (const declaration of statement.declarations as Node[]) {
        const symbol = module.names.get(declaration.name.text as string);
        if (symbol?.sort === "variable")
          variables.push(`static ${printer.variable(declaration, symbol.id)};`);
      }
    }
  }
  return [...variables, "", ...prototypes, "", ...functions, ""].join("\n");
}

function* functionsOf(module: Module): Iterable<[string, Node, boolean]> {
  for (const statement of module.statements) {
    if (statement.kind === NodeKind.FunctionDeclaration) {
      yield [`${module.prefix}_${statement.name.text}`, statement, false];
    } else if (statement.kind === NodeKind.ClassDeclaration) {
      for (const member of statement.members as Node[]) {
        yield [`${module.prefix}_${statement.name.text}_${member.name.text}`, member, true];
      }
    }
  }
}

/** Prints the nodes of one module. */
class Printer {
  private readonly names: ReadonlyMap<string, Meaning>;

  constructor(private readonly module: Module) {
    this.names = module.names;
  }

  head(id: string, node: Node, inline: boolean): string {
    const parameters = (node.signature.parameters as Node[]).map(
      (parameter) => `${this.type(parameter.type as Node)} ${local(parameter.name.text as string)}`,
    );
    const result = this.type(node.signature.returnType as Node);
    return `static ${inline ? "inline __attribute__((always_inline)) " : ""}${result} ${id}(${parameters.join(", ") || "void"})`;
  }

  variable(declaration: Node, id: string): string {
    const type = declaration.type ? this.type(declaration.type as Node) : "__auto_type";
    const value = declaration.initializer ? ` = ${this.expression(declaration.initializer as Node)}` : "";
    return `${type} ${id}${value}`;
  }

  statement(node: Node): string {
    switch (node.kind) {
      case NodeKind.Block:
        return `{\n${(node.statements as Node[]).map((one) => this.statement(one)).join("\n")}\n}`;
      case NodeKind.Expression:
        return `${this.expression(node.expression as Node)};`;
      case NodeKind.Variable:
        return this.declarations(node).join(" ");
      case NodeKind.Return:
        return node.value ? `return ${this.expression(node.value as Node)};` : "return;";
      case NodeKind.Break:
        return "break;";
      case NodeKind.Continue:
        return "continue;";
      case NodeKind.Empty:
        return ";";
      case NodeKind.If: {
        const otherwise = node.ifFalse ? ` else ${this.statement(node.ifFalse as Node)}` : "";
        return `if (${this.expression(node.condition as Node)}) ${this.statement(node.ifTrue as Node)}${otherwise}`;
      }
      case NodeKind.While:
        return `while (${this.expression(node.condition as Node)}) ${this.statement(node.body as Node)}`;
      case NodeKind.Do:
        return `do ${this.statement(node.body as Node)} while (${this.expression(node.condition as Node)});`;
      case NodeKind.For:
        return this.loop(node);
      case NodeKind.Switch:
        return this.choice(node);
      default:
        throw new Error(`${this.module.path}: no C for a statement of kind ${node.kind}`);
    }
  }

  expression(node: Node): string {
    const constant = constantValue(node, this.names);
    if (constant !== undefined) return this.constant(node, constant);
    switch (node.kind) {
      case NodeKind.Parenthesized:
        return this.expression(node.expression as Node);
      case NodeKind.Identifier:
        return this.identifier(node.text as string);
      case NodeKind.True:
        return "true";
      case NodeKind.False:
        return "false";
      case NodeKind.Assertion:
        return `((${this.type(node.toType as Node)})${this.expression(node.expression as Node)})`;
      case NodeKind.Binary:
        return this.binary(node);
      case NodeKind.UnaryPrefix:
        return `(${operatorText(node.operator as number)}${this.expression(node.operand as Node)})`;
      case NodeKind.UnaryPostfix:
        return `(${this.expression(node.operand as Node)}${operatorText(node.operator as number)})`;
      case NodeKind.Ternary: {
        const [condition, yes, no] = ["condition", "ifThen", "ifElse"].map((part) =>
          this.expression(node[part] as Node),
        );
        return `(${condition} ? ${yes} : ${no})`;
      }
      case NodeKind.Comma:
        return `(${(node.expressions as Node[]).map((one) => this.expression(one)).join(", ")})`;
      case NodeKind.Call:
        return this.call(node);
      default:
        throw new Error(`${this.module.path}: no C for an expression of kind ${node.kind}`);
    }
  }

  private declarations(node: Node): string[] {
    return (node.declarations as Node[]).map(
      (declaration) => `${this.variable(declaration, local(declaration.name.text as string))};`,
    );
  }

  /** The variables stand before the loop: they may be of several types. */
  private loop(node: Node): string {
    const first = node.initializer ? this.statement(node.initializer as Node) : "";
    const condition = node.condition ? this.expression(node.condition as Node) : "";
    const step = node.incrementor ? this.expression(node.incrementor as Node) : "";
    return `{ ${first} for (; ${condition}; ${step}) ${this.statement(node.body as Node)} }`;
  }

  private choice(node: Node): string {
    const cases = (node.cases as Node[]).map((one) => {
      const label = one.label ? `case ${this.expression(one.label as Node)}:` : "default:";
      const body = (one.statements as Node[]).map((statement) => this.statement(statement)).join("\n");
      return `${label} {\n${body}\n}`;
    });
    return `switch (${this.expression(node.condition as Node)}) {\n${cases.join("\n")}\n}`;
  }

  private binary(node: Node): string {
    const operator = operatorText(node.operator as number);
    const left = this.expression(node.left as Node);
    return `(${left} ${renamedOperators[operator] ?? operator} ${this.expression(node.right as Node)})`;
  }

  private call(node: Node): string {
    const target = node.expression as Node;
    const types = ((node.typeArguments ?? []) as Node[]).map((type) => `_${typeName(type)}`).join("");
    const args = (node.args as Node[]).map((one) => this.expression(one)).join(", ");
    return `${this.callee(target)}${types}(${args})`;
  }

  private callee(target: Node): string {
    if (target.kind === NodeKind.Identifier) {
      const symbol = this.names.get(target.text as string);
      return symbol?.sort === "function" ? symbol.id : `as_${target.text}`;
    }
    const space = target.expression.text as string;
    const member = target.property.text as string;
    if (spaces.has(space)) return `${space}_${member}`;
    const symbol = this.names.get(space);
    if (symbol?.sort === "class") return `${symbol.id}_${member}`;
    throw new Error(`${this.module.path}: no C for ${space}.${member}`);
  }

  private identifier(name: string): string {
    const symbol = this.names.get(name);
    return symbol?.sort === "variable" ? symbol.id : local(name);
  }

  /** A number with the type that a declaration or a cast gives it; a bare literal keeps C's. */
  private constant(node: Node, value: bigint): string {
    const text =
      value > 0x7fffffffn ? `0x${value.toString(16)}${value > 0xffffffffn ? "ull" : "u"}` : `${value}`;
    if (node.kind === NodeKind.Assertion) return `((${this.type(node.toType as Node)})${text})`;
    if (node.kind === NodeKind.Identifier) {
      const symbol = this.names.get(node.text as string);
      if (symbol?.sort === "constant") return `((${this.namedType(symbol.type)})${text})`;
    }
    if (node.kind === NodeKind.Binary || node.kind === NodeKind.Parenthesized) {
      // Keep the types of the parts: u32 arithmetic must stay u32 at run time.
      return node.kind === NodeKind.Binary ? this.binary(node) : this.expression(node.expression as Node);
    }
    return node.kind === NodeKind.PropertyAccess ? `((i32)${text})` : text;
  }

  private type(node: Node): string {
    return this.namedType(typeName(node));
  }

  private namedType(name: string): string {
    if (builtinTypes.has(name)) return name;
    const symbol = this.names.get(name);
    if (symbol?.sort === "type") return this.namedType(symbol.target);
    if (symbol?.sort === "enum") return "i32";
    throw new Error(`${this.module.path}: no C for the type ${name}`);
  }
}

/** Locals keep their names but for those that C has taken. */
function local(name: string): string {
  return [
    "inline",
    "signed",
    "unsigned",
    "short",
    "long",
    "int",
    "char",
    "double",
    "float",
    "register",
    "auto",
  ].includes(name)
    ? `${name}_`
    : name;
}
