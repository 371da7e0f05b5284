// Selectors in access reviews narrow what is asked. Parts that cannot be read are left out, which asks for more, and the
// answer says so.

import type { FieldSelectorAttributes, LabelSelectorAttributes, ResourceAttributes } from "#kinds/api/authorization-v1.gen.ts";
import { parseFieldSelector } from "#meta/field-selector.ts";
import { parseLabelSelector } from "#meta/selectors.ts";

/** What of a review's selectors was left out; undefined: nothing. */
export function selectorProblems(attributes: ResourceAttributes | undefined): string | undefined {
  const problems = [
    problem("fieldSelector", attributes?.fieldSelector, parseFieldSelector, isReadableField),
    problem("labelSelector", attributes?.labelSelector, parseLabelSelector, ({ operator }) =>
      ["In", "NotIn", "Exists", "DoesNotExist"].includes(operator ?? ""),
    ),
  ].filter((text) => text !== undefined);
  return problems.length > 0 ? problems.join("; ") : undefined;
}

interface Requirement {
  readonly operator?: string;
  readonly values?: readonly string[];
}

/** Fields are only compared with one value. */
const isReadableField = ({ operator, values = [] }: Requirement): boolean =>
  (operator === "In" || operator === "NotIn") && values.length === 1;

function problem(
  name: string,
  selector: FieldSelectorAttributes | LabelSelectorAttributes | undefined,
  parse: (text: string) => unknown,
  isReadable: (requirement: Requirement) => boolean,
): string | undefined {
  const { rawSelector = "", requirements = [] } = selector ?? {};
  const readable = requirements.filter(isReadable).length;
  const isBad = requirements.length > 0 ? readable < requirements.length : rawSelector !== "" && !parses(parse, rawSelector);
  return isBad ? `spec.resourceAttributes.${name} ${readable > 0 ? "partially ignored" : "ignored"} due to parse error` : undefined;
}

function parses(parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}
