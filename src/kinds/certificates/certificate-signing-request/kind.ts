import type { CertificateSigningRequest } from "#kinds/api/certificates-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import { humanDuration } from "#meta/duration.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { KindHooks } from "#meta/kind.ts";
import { prepareRequest, throughApproval } from "./prepare.ts";
import { validateRequest } from "./validate.ts";

function conditionCell({ status }: DeepReadonly<CertificateSigningRequest>): string {
  const has = (type: string) => status?.conditions?.some((condition) => condition.type === type) ?? false;
  const decided = has("Denied") ? "Denied" : has("Approved") ? "Approved" : "Pending";
  return `${decided}${has("Failed") ? ",Failed" : ""}${status?.certificate ? ",Issued" : ""}`;
}

export const certificateSigningRequestHooks: KindHooks<CertificateSigningRequest> = {
  resetFields: (subresource) =>
    subresource === "approval"
      ? [["spec"], ["status", "certificate"]]
      : subresource === "status"
        ? [["spec"], ["status", "conditions"]]
        : [["spec"], ["status"]],
  prepare: prepareRequest,
  validate: (next, previous, { subresource }) => validateRequest(next, previous, subresource),
  doors: { approval: throughApproval },
  // Names are anything that a path can hold.
  nameRule: "path",
  generation: false,
  selectableFields: (object) => ({ "spec.signerName": object.spec?.signerName ?? "" }),
  selectableFieldNames: ["spec.signerName"],
  columns: [
    nameColumn,
    ageColumn,
    text("SignerName", (object) => object.spec?.signerName || "<none>"),
    text("Requestor", (object) => object.spec?.username ?? ""),
    text("RequestedDuration", ({ spec }) =>
      spec?.expirationSeconds === undefined ? "<none>" : humanDuration(spec.expirationSeconds * 1000),
    ),
    text("Condition", conditionCell),
  ],
};
