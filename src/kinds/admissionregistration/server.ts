// Policies read objects that they take parameters from on behalf of everybody. Who writes one, or binds it to an object, must
// be allowed to read these objects as well.

import type { Authorizer } from "#apiserver/access.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "#apiserver/admission.ts";
import { MASTERS_GROUP } from "#apiserver/auth/rbac.ts";
import type { ServerContext, ServerExtension } from "#apiserver/extension.ts";
import type { UserInfo } from "#apiserver/http.ts";
import {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  type ParamKind,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "#kinds/api/admissionregistration-v1.gen.ts";
import { CustomResourceDefinition } from "#kinds/api/apiextensions-v1.gen.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { type ApiError, field, invalid } from "#meta/errors.ts";
import { makeKey } from "#meta/object.ts";
import { parseApiVersion } from "#meta/resource.ts";

type Policy = ValidatingAdmissionPolicy | MutatingAdmissionPolicy;
type Binding = ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding;

export const policyExtension: ServerExtension = {
  name: "admission-policies",
  start: (context) => Promise.resolve({ admission: [parameterRights(context)] }),
};

function parameterRights(context: ServerContext): AdmissionPlugin {
  const kinds = [ValidatingAdmissionPolicy, MutatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, MutatingAdmissionPolicyBinding];
  const plurals = new Set<string>(kinds.map(({ plural }) => plural));
  return {
    name: "PolicyParameterRights",
    handles: (operation, { group, plural }, subresource) =>
      (operation === "CREATE" || operation === "UPDATE") &&
      subresource === "" &&
      group === ValidatingAdmissionPolicy.group &&
      plurals.has(plural),
    async validate(attributes) {
      // For those who may do anything, nothing is asked.
      if (attributes.user.groups.includes(MASTERS_GROUP)) return;
      const isBinding = attributes.resource.kind.endsWith("Binding");
      const wrong = await (isBinding ? wrongReference(attributes, context) : wrongKind(attributes, context));
      if (wrong !== undefined) throw refusal(attributes, isBinding ? "spec.paramRef" : "spec.paramKind", wrong);
    },
  };
}

const refusal = ({ resource, name }: AdmissionAttributes, path: string, detail: string): ApiError =>
  invalid(resource, name, [field.forbidden(path, detail)]);

async function wrongKind({ object, oldObject, user }: AdmissionAttributes, context: ServerContext): Promise<string | undefined> {
  const kind = (object as Policy).spec?.paramKind; // only asked of policies here
  if (!kind || semanticEqual(kind, (oldObject as Policy | undefined)?.spec?.paramKind)) return undefined;
  const { found } = await targetOf(kind, context);
  if (await mayRead(context.authorizer, user, "get", found, "*", "*")) return undefined;
  const { kind: name = "", apiVersion = "" } = kind;
  return `user ${shown(user)} must have "get" permission on all objects of the referenced paramKind (kind=${name}, apiVersion=${apiVersion})`;
}

async function wrongReference(attributes: AdmissionAttributes, context: ServerContext): Promise<string | undefined> {
  const { resource, user } = attributes;
  const spec = (attributes.object as Binding).spec; // only asked of bindings here
  const before = (attributes.oldObject as Binding | undefined)?.spec;
  const reference = spec?.paramRef;
  if (!reference || (semanticEqual(reference, before?.paramRef) && spec.policyName === before?.policyName)) return undefined;
  const policies = resource.kind === ValidatingAdmissionPolicyBinding.kind ? ValidatingAdmissionPolicy : MutatingAdmissionPolicy;
  const policy = await context.registry.get<Policy>(policies, makeKey("", spec.policyName ?? ""));
  const kind = policy?.spec?.paramKind;
  const { found, isKnown } = kind ? await targetOf(kind, context) : { found: ANYTHING, isKnown: true };
  const verb = reference.name ? "get" : "list";
  if (await mayRead(context.authorizer, user, verb, found, reference.namespace ?? "", reference.name ?? "")) return undefined;
  const everything = `to determine minimum required permissions and user ${shown(user)} does not have "${verb}" permission for all groups, versions and resources`;
  if (!policy) return `unable to get policy ${spec.policyName ?? ""} ${everything}`;
  if (!isKnown)
    return `unable to resolve paramKind &ParamKind{APIVersion:${kind?.apiVersion ?? ""},Kind:${kind?.kind ?? ""},} ${everything}`;
  return `user ${shown(user)} does not have "${verb}" permission on the object referenced by paramRef`;
}

interface Target {
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly resource: string;
}

const ANYTHING: Target = { apiGroup: "*", apiVersion: "*", resource: "*" };

/** What a kind's objects are asked for as. What nobody serves asks for all resources of its group. */
async function targetOf({ apiVersion: text = "", kind = "" }: Partial<ParamKind>, { registry }: ServerContext) {
  const { group: apiGroup, version: apiVersion } = parseApiVersion(text);
  // The table of all kinds is only read here.
  const { builtinStructure } = await import("#kinds/structure.ts");
  const builtin = builtinStructure().resources.find(
    ({ resource }) => resource.group === apiGroup && resource.version === apiVersion && resource.kind === kind,
  );
  const isServed = (definition: CustomResourceDefinition) =>
    definition.spec?.group === apiGroup &&
    definition.spec.names.kind === kind &&
    definition.spec.versions.some(({ name, served }) => name === apiVersion && served);
  const resource = builtin?.resource.plural ?? (await registry.list(CustomResourceDefinition)).find(isServed)?.spec?.names.plural;
  return { found: { apiGroup, apiVersion, resource: resource ?? "*" }, isKnown: resource !== undefined };
}

async function mayRead(
  authorizer: Authorizer,
  user: UserInfo,
  verb: string,
  target: Target,
  namespace: string,
  name: string,
): Promise<boolean> {
  const decision = await authorizer.authorize({
    ...target,
    user,
    verb,
    isResourceRequest: true,
    subresource: "",
    namespace,
    name,
    path: "",
  });
  return decision.allowed;
}

/** As Go prints it. */
function shown({ name, uid = "", groups, extra = {} }: UserInfo): string {
  const pairs = Object.entries(extra).map(([key, values]) => `${key}:[${values.join(" ")}]`);
  return `&{${name} ${uid} [${groups.join(" ")}] map[${pairs.toSorted().join(" ")}]}`;
}
