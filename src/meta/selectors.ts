// Label selectors in their two forms, the HTTP text (`app in (a,b),!old`) and the object (matchLabels, matchExpressions).

import { badRequest, quote } from "./errors.ts";
import { labelValue, qualifiedName } from "./names.ts";
import type { DeepReadonly, LabelSelector } from "./object.ts";

export { parseFieldSelector, escapeFieldValue, type FieldMatcher, type FieldRequirement } from "./field-selector.ts";

export type Labels = Readonly<Record<string, string>>;

/** A compiled label selector. */
export interface LabelMatcher {
  /** No labels at all are the same as undefined. */
  matches(labels: Labels | undefined): boolean;
  /** The selector's text, requirements sorted by key, as upstream prints it. */
  toString(): string;
  /** True if it restricts nothing. (One that matches nothing is not empty.) */
  readonly empty: boolean;
  /** The parts, all of which must hold; sorted by key. */
  readonly requirements: readonly LabelRequirement[];
}

export type LabelOperator = "=" | "==" | "!=" | "in" | "notin" | "exists" | "!" | ">" | "<";

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

/** Parses the text of a `labelSelector` parameter; throws a 400 with upstream's words. "" matches everything. */
export function parseLabelSelector(text: string): LabelMatcher {
  return createMatcher(parseRequirements(text));
}

/** A selector's object form. Undefined matches nothing, an empty one everything. Throws a 400 if it is malformed. */
export function labelSelectorMatcher(selector: DeepReadonly<LabelSelector> | undefined | null): LabelMatcher {
  if (selector === undefined || selector === null) return NOTHING;
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {}))
    requirements.push(checked({ key, operator: "=", values: [value] }));
  for (const expression of selector.matchExpressions ?? []) {
    const operator = OBJECT_OPERATORS.get(expression.operator);
    if (operator === undefined) throw badRequest(`${quote(expression.operator)} is not a valid label selector operator`);
    requirements.push(checked({ key: expression.key, operator, values: expression.values ?? [] }));
  }
  return createMatcher(requirements);
}

/** Matches objects that carry all of these labels; none match everything. The labels are not checked. */
export function labelSetMatcher(labels: Labels | undefined): LabelMatcher {
  return createMatcher(Object.entries(labels ?? {}).map(([key, value]) => ({ key, operator: "=", values: [value] })));
}

/** The text form of a selector object, as `kubectl get` shows it: `<none>` if it restricts nothing, `<error>` if malformed. */
export function formatLabelSelector(selector: DeepReadonly<LabelSelector> | undefined | null): string {
  try {
    return labelSelectorMatcher(selector).toString() || "<none>";
  } catch {
    return "<error>";
  }
}

const OBJECT_OPERATORS: ReadonlyMap<string, LabelOperator> = new Map([
  ["In", "in"],
  ["NotIn", "notin"],
  ["Exists", "exists"],
  ["DoesNotExist", "!"],
]);

const NO_LABELS: Labels = {};

const NOTHING: LabelMatcher = { matches: () => false, toString: () => "", empty: false, requirements: [] };

function createMatcher(unsorted: readonly LabelRequirement[]): LabelMatcher {
  const requirements = unsorted.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return {
    matches: (labels = NO_LABELS) => requirements.every((requirement) => holds(requirement, labels)),
    toString: () => requirements.map(formatRequirement).join(","),
    empty: requirements.length === 0,
    requirements,
  };
}

function holds({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "=":
    case "==":
    case "in":
      return value !== undefined && values.includes(value);
    case "!=":
    case "notin":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case ">":
    case "<": {
      const actual = parseInt64(value);
      const bound = parseInt64(values[0]);
      return actual !== undefined && bound !== undefined && (operator === ">" ? actual > bound : actual < bound);
    }
  }
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  if (operator === "exists") return key;
  if (operator === "!") return `!${key}`;
  const list = values.toSorted().join(",");
  return operator === "in" || operator === "notin" ? `${key} ${operator} (${list})` : `${key}${operator}${list}`;
}

function parseInt64(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** Upstream checks a requirement without a path, which its texts show as `<nil>` or as a path without a root. */
function checked(requirement: LabelRequirement): LabelRequirement {
  const wrong = requirementErrors(requirement);
  if (wrong.length > 0) throw badRequest(aggregate(wrong));
  return requirement;
}

function requirementErrors({ key, operator, values }: LabelRequirement): string[] {
  const wrong: string[] = [];
  const keyWrong = qualifiedName(key);
  if (keyWrong.length > 0) wrong.push(`key: Invalid value: ${quote(key)}: ${keyWrong.join("; ")}`);
  const valuesWrong = (detail: string) => wrong.push(`values: Invalid value: ${JSON.stringify(values)}: ${detail}`);
  switch (operator) {
    case "in":
    case "notin":
      if (values.length === 0) valuesWrong("for 'in', 'notin' operators, values set can't be empty");
      break;
    case "exists":
    case "!":
      if (values.length > 0) valuesWrong("values set must be empty for exists and does not exist");
      break;
    case ">":
    case "<":
      if (parseInt64(values[0]) === undefined) {
        wrong.push(`values[0]: Invalid value: ${quote(values[0] ?? "")}: for 'Gt', 'Lt' operators, the value must be an integer`);
      }
      break;
    case "=":
    case "==":
    case "!=":
      break;
  }
  for (const [index, value] of values.entries()) {
    const valueWrong = labelValue(value);
    if (valueWrong.length > 0) wrong.push(`values[${index}][${key}]: Invalid value: ${quote(value)}: ${valueWrong.join("; ")}`);
  }
  return wrong;
}

function aggregate(errors: readonly string[]): string {
  return errors.length === 1 ? (errors[0] ?? "") : `[${[...new Set(errors)].join(", ")}]`;
}

type Token = "end" | "identifier" | "," | "(" | ")" | LabelOperator;

interface Lexeme {
  readonly token: Token;
  readonly text: string;
}

const SYMBOLS: ReadonlySet<string> = new Set(["=", "==", "!=", "!", "(", ")", ",", ">", "<"]);
const WORDS: ReadonlySet<string> = new Set(["in", "notin"]);
const isComparison = (token: Token): token is "=" | "==" | "!=" | ">" | "<" =>
  token === "=" || token === "==" || token === "!=" || token === ">" || token === "<";

const END: Lexeme = { token: "end", text: "" };

function scan(text: string): Lexeme[] {
  const lexemes: Lexeme[] = [];
  for (const [part] of text.matchAll(/[=!(),<>]+|[^=!(),<> \t\r\n]+/g)) {
    if (/^[^=!(),<>]/.test(part)) {
      lexemes.push({ token: WORDS.has(part) ? (part as Token) : "identifier", text: part }); // members of WORDS are tokens
      continue;
    }
    // Of a run of symbols the longest known one is taken each time; all start with a known one.
    for (let index = 0; index < part.length;) {
      const pair = part.slice(index, index + 2);
      const symbol = pair.length === 2 && SYMBOLS.has(pair) ? pair : part.charAt(index);
      lexemes.push({ token: symbol as Token, text: symbol }); // members of SYMBOLS are tokens
      index += symbol.length;
    }
  }
  return lexemes;
}

function parseRequirements(text: string): LabelRequirement[] {
  const lexemes = scan(text);
  let position = 0;
  // `in` and `notin` are words only where an operator is expected.
  const asValue = (lexeme: Lexeme): Lexeme => (WORDS.has(lexeme.token) ? { token: "identifier", text: lexeme.text } : lexeme);
  const peek = () => asValue(lexemes[position] ?? END);
  const nextOperator = () => lexemes[position++] ?? END;
  const next = () => asValue(nextOperator());
  const fail = (message: string) => badRequest(`unable to parse requirement: ${message}`);

  const parseList = (): string[] => {
    const opening = next();
    if (opening.token !== "(") throw fail(`found '${opening.text}' expected: '('`);
    const first = peek();
    if (first.token === ")") {
      next();
      return [""];
    }
    if (first.token !== "identifier" && first.token !== ",") throw fail(`found '${first.text}', expected: ',', ')' or identifier`);
    const values = new Set<string>();
    for (;;) {
      const lexeme = next();
      if (lexeme.token === "identifier") {
        values.add(lexeme.text);
        const after = peek();
        if (after.token === ")") break;
        if (after.token !== ",") throw fail(`found '${after.text}', expected: ',' or ')'`);
      } else if (lexeme.token === ",") {
        if (values.size === 0) values.add("");
        const after = peek();
        if (after.token === ")" || after.token === ",") values.add("");
        if (after.token === ")") break;
      } else throw fail(`found '${lexeme.text}', expected: ',', or identifier`);
    }
    next();
    return [...values].toSorted();
  };

  const parseOne = (): LabelRequirement => {
    let lexeme = next();
    const negated = lexeme.token === "!";
    if (negated) lexeme = next();
    if (lexeme.token !== "identifier") throw fail(`found '${lexeme.text}', expected: identifier`);
    const key = lexeme.text;
    const keyWrong = qualifiedName(key);
    if (keyWrong.length > 0) throw fail(`<nil>: Invalid value: ${quote(key)}: ${keyWrong.join("; ")}`);
    if (negated) return { key, operator: "!", values: [] };
    const after = peek();
    if (after.token === "end" || after.token === ",") return { key, operator: "exists", values: [] };
    const operator = nextOperator();
    if (operator.token === "in" || operator.token === "notin") return { key, operator: operator.token, values: parseList() };
    if (!isComparison(operator.token)) throw fail(`found '${operator.text}', expected: in, notin, =, ==, !=, gt, lt`);
    const first = peek().token;
    if (first === "end" || first === ",") return { key, operator: operator.token, values: [""] };
    const value = next();
    if (value.token !== "identifier") throw fail(`found '${value.text}', expected: identifier`);
    return { key, operator: operator.token, values: [value.text] };
  };

  const requirements: LabelRequirement[] = [];
  for (;;) {
    const start = peek();
    if (start.token === "end") return requirements;
    if (start.token !== "identifier" && start.token !== "!") {
      throw badRequest(`found '${start.text}', expected: !, identifier, or 'end of string'`);
    }
    const requirement = parseOne();
    const wrong = requirementErrors(requirement);
    if (wrong.length > 0) throw fail(aggregate(wrong));
    requirements.push(requirement);
    const separator = next();
    if (separator.token === "end") return requirements;
    if (separator.token !== ",") throw badRequest(`found '${separator.text}', expected: ',' or 'end of string'`);
    const following = peek();
    if (following.token !== "identifier" && following.token !== "!") {
      throw badRequest(`found '${following.text}', expected: identifier after ','`);
    }
  }
}
