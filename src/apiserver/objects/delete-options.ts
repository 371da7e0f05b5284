// DeleteOptions, from a body or from the query.

import { badRequest, field, invalid, quote, type FieldError } from "#meta/errors.ts";
import { isTrue } from "../request-info.ts";

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  readonly orphanDependents?: boolean;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: readonly string[];
}

const POLICIES: readonly string[] = ["Foreground", "Background", "Orphan"];

/** Reads a decoded body. Throws a 400 for what is no DeleteOptions, a 422 for what does not go together. */
export function checkDeleteOptions(body: unknown): DeleteOptions {
  if (body === null) return {};
  if (!isRecord(body)) {
    throw badRequest(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${goType(body)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    );
  }
  checkKind(body);
  const gracePeriodSeconds = read(body, "gracePeriodSeconds", "int64", Number.isInteger) as number | undefined; // an integer
  const orphanDependents = read(body, "orphanDependents", "bool", isBoolean) as boolean | undefined; // a boolean
  const propagationPolicy = read(body, "propagationPolicy", "v1.DeletionPropagation", isString) as string | undefined; // a string
  const dryRun = read(body, "dryRun", "[]string", isStrings) as readonly string[] | undefined; // strings
  // What it would do is behind a feature gate that is off; whoever asks is not told, as upstream.
  read(body, "ignoreStoreReadErrorWithClusterBreakingPotential", "bool", isBoolean);
  const preconditions = read(body, "preconditions", "v1.Preconditions", isRecord) as Readonly<Record<string, unknown>> | undefined; // a record
  const uid = read(preconditions ?? {}, "uid", "types.UID", isString, "preconditions.") as string | undefined; // a string
  const resourceVersion = read(preconditions ?? {}, "resourceVersion", "string", isString, "preconditions.") as string | undefined; // likewise

  const errors: FieldError[] = [];
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    errors.push(field.invalid("propagationPolicy", propagationPolicy, "orphanDependents and deletionPropagation cannot be both set"));
  }
  if (propagationPolicy !== undefined && !POLICIES.includes(propagationPolicy)) {
    errors.push(field.notSupported("propagationPolicy", propagationPolicy, [...POLICIES, "nil"], "given"));
  }
  if (dryRun?.some((one) => one !== "All")) errors.push(field.notSupported("dryRun", dryRun, ["All"]));
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", errors);
  return {
    ...(gracePeriodSeconds !== undefined ? { gracePeriodSeconds } : {}),
    ...(propagationPolicy !== undefined ? { propagationPolicy: propagationPolicy as "Background" } : {}), // checked above
    ...(orphanDependents !== undefined ? { orphanDependents } : {}),
    preconditions: { ...(uid !== undefined ? { uid } : {}), ...(resourceVersion !== undefined ? { resourceVersion } : {}) },
    ...(dryRun ? { dryRun } : {}),
  };
}

/** Reads the query, for deletes without a body. */
export function deleteOptionsOf(query: URLSearchParams): DeleteOptions {
  if (query.size === 0) return {};
  const grace = query.get("gracePeriodSeconds");
  const policy = query.get("propagationPolicy");
  const orphan = query.get("orphanDependents");
  const dryRun = query.getAll("dryRun");
  if (grace !== null && !/^[+-]?\d+$/.test(grace)) throw badRequest(`strconv.ParseInt: parsing ${quote(grace)}: invalid syntax`);
  return checkDeleteOptions({
    ...(grace !== null ? { gracePeriodSeconds: Number(grace) } : {}),
    ...(policy !== null ? { propagationPolicy: policy } : {}),
    ...(orphan !== null ? { orphanDependents: isTrue(orphan) } : {}),
    ...(dryRun.length > 0 ? { dryRun } : {}),
  });
}

/** Every group has DeleteOptions, so that any apiVersion is let in. */
function checkKind({ kind, apiVersion }: Readonly<Record<string, unknown>>): void {
  if (kind === undefined || kind === "" || kind === "DeleteOptions") return;
  const version = typeof apiVersion === "string" && apiVersion !== "" ? apiVersion : "meta.k8s.io/v1";
  throw badRequest(
    `no kind ${quote(String(kind))} is registered for version ${quote(version)} in scheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"`,
  );
}

/** A field of the body; null counts as absent. */
function read(body: Readonly<Record<string, unknown>>, name: string, type: string, fits: (value: unknown) => boolean, path = ""): unknown {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (fits(value)) return value;
  const owner = path === "" ? "DeleteOptions" : "Preconditions";
  throw badRequest(`json: cannot unmarshal ${goType(value)} into Go struct field ${owner}.${path}${name} of type ${type}`);
}

const isBoolean = (value: unknown): boolean => typeof value === "boolean";
const isString = (value: unknown): boolean => typeof value === "string";
const isStrings = (value: unknown): boolean => Array.isArray(value) && value.every(isString);

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "number" : `number ${value}`;
  return typeof value === "boolean" ? "bool" : typeof value;
}
