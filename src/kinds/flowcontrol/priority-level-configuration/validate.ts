// What a PriorityLevelConfiguration may hold, with upstream's paths and words.

import type {
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  PriorityLevelConfiguration,
  QueuingConfiguration,
} from "#kinds/api/flowcontrol-v1.gen.ts";
import { mandatoryFlowControl } from "#kinds/flowcontrol/bootstrap.ts";
import { checkConditionTypes } from "#kinds/flowcontrol/conditions.ts";
import { checkOneOf, type Errors } from "#kinds/shared/checks.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { inRange } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Read<T> = DeepReadonly<T>;
type Spec = Read<Partial<NonNullable<PriorityLevelConfiguration["spec"]>>>;

const MAX_QUEUES = 10_000_000;
/** Bits of the hash that deals out queues. */
const MAX_HASH_BITS = 60;
const ROUND_TRIP_ANNOTATION = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares";

/** Writers of the status are only told of the status. */
export function validatePriorityLevel({ metadata, spec, status }: Read<PriorityLevelConfiguration>, subresource: string): FieldError[] {
  const errors: Errors = [];
  if (subresource === "status") {
    checkConditionTypes(errors, status?.conditions);
    return errors;
  }
  if (metadata?.annotations?.[ROUND_TRIP_ANNOTATION] !== undefined) {
    errors.push(field.forbidden("metadata.annotations", `annotation '${ROUND_TRIP_ANNOTATION}' is forbidden`));
  }
  const name = metadata?.name ?? "";
  checkSpec(errors, name, spec ?? {});
  checkFixed(errors, name, spec);
  checkConditionTypes(errors, status?.conditions);
  return errors;
}

function checkFixed(errors: Errors, name: string, spec: Read<PriorityLevelConfiguration>["spec"]): void {
  if (name !== "exempt" && name !== "catch-all") return;
  const fixed = mandatoryFlowControl().priorityLevels.find((level) => level.metadata?.name === name)?.spec;
  if (name === "exempt") {
    if (!semanticEqual({ ...spec, exempt: undefined }, { ...fixed, exempt: undefined })) {
      errors.push(field.invalid("spec", spec, `spec of '${name}' except the 'spec.exempt' field must equal the fixed value`));
    }
  } else if (!semanticEqual(spec, fixed)) errors.push(field.invalid("spec", spec, `spec of '${name}' must equal the fixed value`));
}

function checkSpec(errors: Errors, name: string, spec: Spec): void {
  const { type = "", limited, exempt } = spec;
  if ((name === "exempt") !== (type === "Exempt")) {
    errors.push(field.invalid("spec.type", type, "must be 'Exempt' if and only if `name` is 'exempt'"));
  }
  switch (type) {
    case "Exempt":
      if (limited) errors.push(field.forbidden("spec.limited", "must be nil if the type is not Limited"));
      if (exempt) checkShares(errors, "spec.exempt", exempt);
      break;
    case "Limited":
      if (exempt) errors.push(field.forbidden("spec.exempt", "must be nil if the type is Limited"));
      if (limited) checkLimited(errors, limited);
      else errors.push(field.required("spec.limited", "must not be empty when type is Limited"));
      break;
    default:
      checkOneOf(errors, "spec.type", type, ["Exempt", "Limited"]);
  }
}

function checkShares(
  errors: Errors,
  path: string,
  { nominalConcurrencyShares, lendablePercent }: { readonly nominalConcurrencyShares?: number; readonly lendablePercent?: number },
): void {
  if (nominalConcurrencyShares !== undefined && nominalConcurrencyShares < 0) {
    errors.push(field.invalid(`${path}.nominalConcurrencyShares`, nominalConcurrencyShares, "must be a non-negative integer"));
  }
  for (const wrong of lendablePercent === undefined ? [] : inRange(lendablePercent, 0, 100)) {
    errors.push(field.invalid(`${path}.lendablePercent`, lendablePercent, wrong));
  }
}

function checkLimited(errors: Errors, limited: Read<LimitedPriorityLevelConfiguration>): void {
  checkShares(errors, "spec.limited", limited);
  checkResponse(errors, limited.limitResponse ?? {});
  const borrowing = limited.borrowingLimitPercent;
  if (borrowing !== undefined && borrowing < 0) {
    errors.push(field.invalid("spec.limited.borrowingLimitPercent", borrowing, "if specified, must be a non-negative integer"));
  }
}

function checkResponse(errors: Errors, { type = "", queuing }: Read<Partial<LimitResponse>>): void {
  const path = "spec.limited.limitResponse";
  switch (type) {
    case "Reject":
      if (queuing) errors.push(field.forbidden(`${path}.queuing`, "must be nil if limited.limitResponse.type is not Limited"));
      break;
    case "Queue":
      if (queuing) checkQueuing(errors, `${path}.queuing`, queuing);
      else errors.push(field.required(`${path}.queuing`, "must not be empty if limited.limitResponse.type is Limited"));
      break;
    default:
      checkOneOf(errors, `${path}.type`, type, ["Queue", "Reject"]);
  }
}

function checkQueuing(errors: Errors, path: string, queuing: Read<QueuingConfiguration>): void {
  const { queues = 0, handSize = 0, queueLengthLimit = 0 } = queuing;
  if (queueLengthLimit <= 0) errors.push(field.invalid(`${path}.queueLengthLimit`, queueLengthLimit, "must be positive"));
  if (queues <= 0) errors.push(field.invalid(`${path}.queues`, queues, "must be positive"));
  else if (queues > MAX_QUEUES) errors.push(field.invalid(`${path}.queues`, queues, `must not be greater than ${MAX_QUEUES}`));
  const at = `${path}.handSize`;
  if (handSize <= 0) errors.push(field.invalid(at, handSize, "must be positive"));
  else if (handSize > queues) errors.push(field.invalid(at, handSize, `should not be greater than queues (${queues})`));
  else if (requiredBits(queues, handSize) > MAX_HASH_BITS) {
    const detail = `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${MAX_HASH_BITS}`;
    errors.push(field.invalid(at, handSize, detail));
  }
}

/** Bits needed to deal a hand: the logarithm of the number of ordered hands. */
function requiredBits(deckSize: number, handSize: number): number {
  return Math.ceil(Math.log2(deckSize) * handSize);
}
