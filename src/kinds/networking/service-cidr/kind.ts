import type { ServiceCIDR } from "#kinds/api/networking-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateServiceCidr } from "./validate.ts";

export const serviceCidrHooks: KindHooks<ServiceCIDR> = {
  statusKeepsMetadata: "all",
  validate: (next, previous, { subresource }) => validateServiceCidr(next, previous, subresource),
  generation: false,
  columns: [nameColumn, text("CIDRs", (object) => (object.spec?.cidrs ?? []).join(",")), ageColumn],
};
