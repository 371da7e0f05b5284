// DeleteOptions, from a body or from the query.

import { ApiError, field, invalid } from "#meta/errors.ts";

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  readonly orphanDependents?: boolean;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: readonly string[];
}

const POLICIES: readonly string[] = ["Background", "Foreground", "Orphan"];
const RESOURCE = { group: "meta.k8s.io", kind: "DeleteOptions" };

/** Reads a decoded body. Throws upstream's 422 for what makes no sense. */
export function checkDeleteOptions(body: Readonly<Record<string, unknown>>): DeleteOptions {
  const { gracePeriodSeconds, propagationPolicy, orphanDependents, preconditions, dryRun } = body;
  const errors = [];
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    errors.push(field.invalid("propagationPolicy", propagationPolicy, "orphanDependents and deletionPropagation cannot be both set"));
  }
  if (propagationPolicy !== undefined && !POLICIES.includes(String(propagationPolicy))) {
    errors.push(field.notSupported("propagationPolicy", propagationPolicy, [...POLICIES, "nil"]));
  }
  if (Array.isArray(dryRun) && dryRun.some((one) => one !== "All")) errors.push(field.notSupported("dryRun", dryRun, ["All"]));
  if (errors.length > 0) throw invalid(RESOURCE, "", errors);
  const { uid, resourceVersion } = isRecord(preconditions) ? preconditions : {};
  return {
    ...(typeof gracePeriodSeconds === "number" ? { gracePeriodSeconds } : {}),
    ...(propagationPolicy !== undefined ? { propagationPolicy: propagationPolicy as "Background" } : {}), // checked above
    ...(typeof orphanDependents === "boolean" ? { orphanDependents } : {}),
    preconditions: {
      ...(typeof uid === "string" ? { uid } : {}),
      ...(typeof resourceVersion === "string" ? { resourceVersion } : {}),
    },
    ...(Array.isArray(dryRun) ? { dryRun: dryRun.map(String) } : {}),
  };
}

/** Reads the query, for deletes without a body. */
export function deleteOptionsOf(query: URLSearchParams): DeleteOptions {
  const grace = query.get("gracePeriodSeconds");
  const policy = query.get("propagationPolicy");
  const orphan = query.get("orphanDependents");
  const dryRun = query.getAll("dryRun");
  if (grace !== null && !/^-?\d+$/.test(grace)) {
    throw new ApiError(400, "BadRequest", `strconv.ParseInt: parsing ${JSON.stringify(grace)}: invalid syntax`);
  }
  return checkDeleteOptions({
    ...(grace !== null ? { gracePeriodSeconds: Number(grace) } : {}),
    ...(policy !== null && policy !== "" ? { propagationPolicy: policy } : {}),
    ...(orphan !== null ? { orphanDependents: orphan !== "false" && orphan !== "0" } : {}),
    ...(dryRun.length > 0 ? { dryRun } : {}),
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
