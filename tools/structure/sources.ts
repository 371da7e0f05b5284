// Where the built-in API's definitions come from, and what of it a server of this release serves by default.

import { join } from "node:path";
import { readGoPackage, type GoPackage } from "./go-types.ts";

/** A group-version that is served by default. */
export interface GroupVersion {
  readonly group: string;
  readonly version: string;
  /** Go package of its types. */
  readonly path: string;
  /** The API class of the npm package that lists its paths; absent for types that are never served at a path of their own. */
  readonly apiClass?: string;
}

/** In the order discovery lists them. Beta and alpha versions are off by default and left out. */
export const GROUP_VERSIONS: readonly GroupVersion[] = [
  { group: "", version: "v1", path: "k8s.io/api/core/v1", apiClass: "CoreV1" },
  {
    group: "apiregistration.k8s.io",
    version: "v1",
    path: "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1",
    apiClass: "ApiregistrationV1",
  },
  { group: "apps", version: "v1", path: "k8s.io/api/apps/v1", apiClass: "AppsV1" },
  { group: "events.k8s.io", version: "v1", path: "k8s.io/api/events/v1", apiClass: "EventsV1" },
  { group: "authentication.k8s.io", version: "v1", path: "k8s.io/api/authentication/v1", apiClass: "AuthenticationV1" },
  { group: "authorization.k8s.io", version: "v1", path: "k8s.io/api/authorization/v1", apiClass: "AuthorizationV1" },
  { group: "autoscaling", version: "v2", path: "k8s.io/api/autoscaling/v2", apiClass: "AutoscalingV2" },
  { group: "autoscaling", version: "v1", path: "k8s.io/api/autoscaling/v1", apiClass: "AutoscalingV1" },
  { group: "batch", version: "v1", path: "k8s.io/api/batch/v1", apiClass: "BatchV1" },
  { group: "certificates.k8s.io", version: "v1", path: "k8s.io/api/certificates/v1", apiClass: "CertificatesV1" },
  { group: "networking.k8s.io", version: "v1", path: "k8s.io/api/networking/v1", apiClass: "NetworkingV1" },
  { group: "policy", version: "v1", path: "k8s.io/api/policy/v1", apiClass: "PolicyV1" },
  { group: "rbac.authorization.k8s.io", version: "v1", path: "k8s.io/api/rbac/v1", apiClass: "RbacAuthorizationV1" },
  { group: "storage.k8s.io", version: "v1", path: "k8s.io/api/storage/v1", apiClass: "StorageV1" },
  {
    group: "admissionregistration.k8s.io",
    version: "v1",
    path: "k8s.io/api/admissionregistration/v1",
    apiClass: "AdmissionregistrationV1",
  },
  {
    group: "apiextensions.k8s.io",
    version: "v1",
    path: "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1",
    apiClass: "ApiextensionsV1",
  },
  { group: "scheduling.k8s.io", version: "v1", path: "k8s.io/api/scheduling/v1", apiClass: "SchedulingV1" },
  { group: "coordination.k8s.io", version: "v1", path: "k8s.io/api/coordination/v1", apiClass: "CoordinationV1" },
  { group: "node.k8s.io", version: "v1", path: "k8s.io/api/node/v1", apiClass: "NodeV1" },
  { group: "discovery.k8s.io", version: "v1", path: "k8s.io/api/discovery/v1", apiClass: "DiscoveryV1" },
  { group: "flowcontrol.apiserver.k8s.io", version: "v1", path: "k8s.io/api/flowcontrol/v1", apiClass: "FlowcontrolApiserverV1" },
  { group: "resource.k8s.io", version: "v1", path: "k8s.io/api/resource/v1", apiClass: "ResourceV1" },
  { group: "admission.k8s.io", version: "v1", path: "k8s.io/api/admission/v1" },
];

export const META_PATH = "k8s.io/apimachinery/pkg/apis/meta/v1";

/** Types that are wanted although no resource leads to them. */
export const EXTRA_ROOTS: Readonly<Record<string, readonly string[]>> = {
  [META_PATH]: ["APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "Condition", "DeleteOptions", "Status", "WatchEvent"],
  "k8s.io/api/admission/v1": ["AdmissionReview"],
};

/** Packages whose types appear in fields but are no group of their own. */
const HELPER_PATHS = ["k8s.io/apimachinery/pkg/types", "k8s.io/apimachinery/pkg/util/intstr"];

/** Reads every package from a Go module cache laid out as `<modules>/k8s.io/<module>@v0.<minor>.<patch>`. */
export function readPackages(modules: string, release: string): ReadonlyMap<string, GoPackage> {
  const suffix = `@v0.${release.split(".").slice(1).join(".")}`;
  const packages = new Map<string, GoPackage>();
  for (const path of [META_PATH, ...GROUP_VERSIONS.map((entry) => entry.path)]) {
    const [host = "", module = "", ...rest] = path.split("/");
    packages.set(path, readGoPackage(path, join(modules, host, module + suffix, ...rest)));
  }
  return packages;
}

export function isHelper(path: string): boolean {
  return HELPER_PATHS.includes(path);
}
