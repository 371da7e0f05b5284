import type { ServiceCIDR } from "#kinds/api/networking-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";

export const serviceCidrHooks: KindHooks<ServiceCIDR> = {
  generation: false,
  columns: [nameColumn, text("CIDRs", (object) => (object.spec?.cidrs ?? []).join(",")), ageColumn],
};
