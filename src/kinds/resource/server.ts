// What is asked of those who write claims: access as an administrator needs a namespace that is marked for it, and each part
// of a claim's status belongs to those who may write that part.

import type { Authorizer } from "#apiserver/access.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "#apiserver/admission.ts";
import type { ServerExtension } from "#apiserver/extension.ts";
import type { UserInfo } from "#apiserver/http.ts";
import type { Registry } from "#apiserver/registry.ts";
import { Namespace } from "#kinds/api/core-v1.gen.ts";
import { type DeviceRequest, ResourceClaim, type ResourceClaimStatus, ResourceClaimTemplate } from "#kinds/api/resource-v1.gen.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { field, type FieldError, invalid, quote } from "#meta/errors.ts";
import { makeKey } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import { deviceKey } from "./resource-claim/prepare.ts";

const ADMIN_LABEL = "resource.kubernetes.io/admin-access";

export const resourceExtension: ServerExtension = {
  name: "resource",
  start: ({ authorizer, registry }) => Promise.resolve({ admission: [adminAccess(registry), statusParts(authorizer)] }),
};

const is = (one: Resource, other: Resource): boolean => one.group === other.group && one.plural === other.plural;

function adminAccess(registry: Registry): AdmissionPlugin {
  return {
    name: "ResourceClaimAdminAccess",
    handles: (operation, resource, subresource) =>
      (operation === "CREATE" && subresource === "" && (is(resource, ResourceClaim) || is(resource, ResourceClaimTemplate))) ||
      (operation === "UPDATE" && subresource === "status" && is(resource, ResourceClaim)),
    async validate(attributes) {
      const path = attributes.operation === "CREATE" ? requestedIn(attributes) : grantedIn(attributes);
      if (path === undefined) return;
      const namespace = await registry.get(Namespace, makeKey("", attributes.namespace));
      if (namespace?.metadata?.labels?.[ADMIN_LABEL] === "true") return;
      const detail = `admin access to devices requires the \`${ADMIN_LABEL}: true\` label on the containing namespace`;
      throw invalid(attributes.resource, attributes.name, [field.forbidden(path, detail)]);
    },
  };
}

function requestedIn({ object, resource }: AdmissionAttributes): string | undefined {
  // Only asked of these two resources. Both are told with the path of a claim.
  const requests = is(resource, ResourceClaim)
    ? (object as ResourceClaim).spec?.devices?.requests
    : (object as ResourceClaimTemplate).spec?.spec?.devices?.requests;
  const index = (requests ?? []).findIndex(({ exactly }: DeviceRequest) => exactly?.adminAccess === true);
  return index < 0 ? undefined : `spec.devices.requests[${index}].adminAccess`;
}

const statusOf = (object: unknown): ResourceClaimStatus => (object as ResourceClaim | undefined)?.status ?? {}; // only asked of claims

function grantedIn({ object, oldObject }: AdmissionAttributes): string | undefined {
  const granted = (claim: unknown) =>
    (statusOf(claim).allocation?.devices?.results ?? []).findIndex(({ adminAccess: access }) => access === true);
  const index = granted(object);
  return index < 0 || granted(oldObject) >= 0 ? undefined : `status.allocation.devices.results[${index}].adminAccess`;
}

function statusParts(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "ResourceClaimStatusAuthorization",
    handles: (operation, resource, subresource) => operation === "UPDATE" && subresource === "status" && is(resource, ResourceClaim),
    async validate(attributes) {
      const [next, before] = [statusOf(attributes.object), statusOf(attributes.oldObject)];
      const verb = attributes.verb ?? "update";
      const refusal = async (verbs: readonly string[], subresource: string, namespace: string, name: string) => {
        let first: string | undefined;
        for (const one of verbs) {
          const why = await whyNot(authorizer, attributes.user, one, subresource, namespace, name);
          if (why === undefined) return undefined;
          first ??= why;
        }
        return first;
      };
      const errors: FieldError[] = [];
      if (!semanticEqual(next.allocation, before.allocation) || !semanticEqual(next.reservedFor, before.reservedFor)) {
        const why = await refusal([verb], "binding", "", "");
        const wanted = `resource="resourceclaims/binding", verb="${verb}" permission`;
        if (why)
          errors.push(field.forbidden("status.allocation", `changing status.allocation or status.reservedFor requires ${wanted}: ${why}`));
      }
      const verbs = [...(isOnNode(attributes.user, nodeOf(next)) ? [`associated-node:${verb}`] : []), `arbitrary-node:${verb}`];
      for (const driver of next.allocation ? changedDrivers(next, before) : []) {
        const why = await refusal(verbs, "driver", attributes.namespace, driver);
        const wanted = `resource="resourceclaims/driver", verb="[${verbs.join(" ")}]" permission`;
        if (why) errors.push(field.forbidden("status.devices", `changing status.devices requires ${wanted}: ${why}`));
      }
      if (errors.length > 0) throw invalid(ResourceClaim, attributes.name, errors);
    },
  };
}

async function whyNot(
  authorizer: Authorizer,
  user: UserInfo,
  verb: string,
  subresource: string,
  namespace: string,
  name: string,
): Promise<string | undefined> {
  const { group: apiGroup, version: apiVersion, plural: resource } = ResourceClaim;
  const decision = await authorizer.authorize({
    user,
    verb,
    isResourceRequest: true,
    apiGroup,
    apiVersion,
    resource,
    subresource,
    namespace,
    name,
    path: "",
  });
  if (decision.allowed) return undefined;
  const who = `${resource}.${apiGroup}${name === "" ? "" : ` ${quote(name)}`} is forbidden: `;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${quote(namespace)}`;
  const what = `${who}User ${quote(user.name)} cannot ${verb} resource "${resource}/${subresource}" in API group ${quote(apiGroup)} ${where}`;
  return decision.reason === "" ? what : `${what}: ${decision.reason}`;
}

function changedDrivers(next: ResourceClaimStatus, before: ResourceClaimStatus): string[] {
  const left = new Map((before.devices ?? []).map((device) => [deviceKey(device), device]));
  const drivers = new Set<string>();
  for (const device of next.devices ?? []) {
    const key = deviceKey(device);
    if (!semanticEqual(left.get(key), device)) drivers.add(device.driver);
    left.delete(key);
  }
  for (const { driver } of left.values()) drivers.add(driver);
  return [...drivers].toSorted();
}

/** The one node that a claim's devices are on. */
function nodeOf({ allocation }: ResourceClaimStatus): string | undefined {
  const [term, ...more] = allocation?.nodeSelector?.nodeSelectorTerms ?? [];
  const [match, ...others] = term?.matchFields ?? [];
  if (more.length > 0 || others.length > 0 || term?.matchExpressions?.length) return undefined;
  const isName = match?.key === "metadata.name" && match.operator === "In" && match.values?.length === 1;
  return isName ? match.values?.[0] : undefined;
}

function isOnNode({ name, extra }: UserInfo, node: string | undefined): boolean {
  const nodes = extra?.["authentication.kubernetes.io/node-name"] ?? [];
  return node !== undefined && name.startsWith("system:serviceaccount:") && nodes.length === 1 && nodes[0] === node;
}
