// Where the built-in API's definitions come from, and what of it a server of this release serves by default.

import { join } from "node:path";
import { readGoPackage, type GoPackage } from "./go-types.ts";

/** A group-version that is served by default. */
export interface GroupVersion {
  readonly group: string;
  readonly version: string;
  /** Go package of its types. */
  readonly path: string;
  /** False for types that only travel to webhooks. */
  readonly served?: false;
}

/** In the order discovery lists them. Beta and alpha versions are off by default and left out. */
export const GROUP_VERSIONS: readonly GroupVersion[] = [
  { group: "", version: "v1", path: "k8s.io/api/core/v1" },
  {
    group: "apiregistration.k8s.io",
    version: "v1",
    path: "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1",
  },
  { group: "apps", version: "v1", path: "k8s.io/api/apps/v1" },
  { group: "events.k8s.io", version: "v1", path: "k8s.io/api/events/v1" },
  { group: "authentication.k8s.io", version: "v1", path: "k8s.io/api/authentication/v1" },
  { group: "authorization.k8s.io", version: "v1", path: "k8s.io/api/authorization/v1" },
  { group: "autoscaling", version: "v2", path: "k8s.io/api/autoscaling/v2" },
  { group: "autoscaling", version: "v1", path: "k8s.io/api/autoscaling/v1" },
  { group: "batch", version: "v1", path: "k8s.io/api/batch/v1" },
  { group: "certificates.k8s.io", version: "v1", path: "k8s.io/api/certificates/v1" },
  { group: "networking.k8s.io", version: "v1", path: "k8s.io/api/networking/v1" },
  { group: "policy", version: "v1", path: "k8s.io/api/policy/v1" },
  { group: "rbac.authorization.k8s.io", version: "v1", path: "k8s.io/api/rbac/v1" },
  { group: "storage.k8s.io", version: "v1", path: "k8s.io/api/storage/v1" },
  {
    group: "admissionregistration.k8s.io",
    version: "v1",
    path: "k8s.io/api/admissionregistration/v1",
  },
  {
    group: "apiextensions.k8s.io",
    version: "v1",
    path: "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1",
  },
  { group: "scheduling.k8s.io", version: "v1", path: "k8s.io/api/scheduling/v1" },
  { group: "coordination.k8s.io", version: "v1", path: "k8s.io/api/coordination/v1" },
  { group: "node.k8s.io", version: "v1", path: "k8s.io/api/node/v1" },
  { group: "discovery.k8s.io", version: "v1", path: "k8s.io/api/discovery/v1" },
  { group: "resource.k8s.io", version: "v1", path: "k8s.io/api/resource/v1" },
  { group: "flowcontrol.apiserver.k8s.io", version: "v1", path: "k8s.io/api/flowcontrol/v1" },
  { group: "admission.k8s.io", version: "v1", path: "k8s.io/api/admission/v1", served: false },
];

export const META_PATH = "k8s.io/apimachinery/pkg/apis/meta/v1";

/** Types that are wanted although no resource leads to them. */
export const EXTRA_ROOTS: Readonly<Record<string, readonly string[]>> = {
  [META_PATH]: [
    "APIGroup",
    "APIGroupList",
    "APIResourceList",
    "APIVersions",
    "Condition",
    "CreateOptions",
    "DeleteOptions",
    "GetOptions",
    "ListOptions",
    "PartialObjectMetadata",
    "PartialObjectMetadataList",
    "PatchOptions",
    "Status",
    "UpdateOptions",
    "WatchEvent",
  ],
  "k8s.io/api/admission/v1": ["AdmissionReview"],
};

/** Packages whose types appear in fields but are no group of their own. */
const HELPER_PATHS = ["k8s.io/apimachinery/pkg/types", "k8s.io/apimachinery/pkg/util/intstr"];

/** Folders in a Go module cache: `<modules>/k8s.io/api@v0.36.1`, `<modules>/k8s.io/kubernetes@v1.36.1`. */
export function moduleFolder(modules: string, module: string, release: string): string {
  const version = module === "kubernetes" ? release : `0.${release.split(".").slice(1).join(".")}`;
  return join(modules, "k8s.io", `${module}@v${version}`);
}

/** Reads every package the built-in types are in. */
export function readPackages(modules: string, release: string): ReadonlyMap<string, GoPackage> {
  const packages = new Map<string, GoPackage>();
  for (const path of [META_PATH, ...GROUP_VERSIONS.map((entry) => entry.path)]) {
    const [, module = "", ...rest] = path.split("/");
    packages.set(path, readGoPackage(path, join(moduleFolder(modules, module, release), ...rest)));
  }
  return packages;
}

export function isHelper(path: string): boolean {
  return HELPER_PATHS.includes(path);
}

/** `core-v1`, `rbac-v1`: names the group-version of a package in file names and in the table. */
export function labelOf(packagePath: string): string {
  if (packagePath === META_PATH) return "meta-v1";
  const entry = GROUP_VERSIONS.find(({ path }) => path === packagePath);
  if (!entry) throw new Error(`${packagePath} belongs to no group-version`);
  return `${entry.group === "" ? "core" : (entry.group.split(".")[0] ?? "")}-${entry.version}`;
}
