// What PersistentVolumeClaims use: their number and storage, in all and per class.

import type { PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import { ONE } from "#kinds/core/resource-quota/amounts.ts";
import { compare, integerPart } from "#kinds/shared/quantities.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import { parseQuantity, type Quantity } from "#meta/quantity.ts";
import { selects, type Evaluator } from "./evaluator.ts";

type AnyClaim = DeepReadonly<PersistentVolumeClaim>;

const COUNT = "count/persistentvolumeclaims";
const CLAIMS = "persistentvolumeclaims";
const STORAGE = "requests.storage";
const OF_CLASS = ".storageclass.storage.k8s.io/";
const CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class";

const claimOf = (object: DeepReadonly<KubeObject>): AnyClaim => object as AnyClaim; // only asked of claims

export const persistentVolumeClaims: Evaluator = {
  measures: (name) => [COUNT, CLAIMS, STORAGE].includes(name) || name.endsWith(OF_CLASS + CLAIMS) || name.endsWith(OF_CLASS + STORAGE),
  handles({ subresource, object, oldObject }) {
    if (subresource === "") return true;
    if (subresource !== "status" || oldObject === undefined) return false;
    const [next, previous] = [claimOf(object), claimOf(oldObject)];
    return (
      !semanticEqual(next.status?.allocatedResources, previous.status?.allocatedResources) ||
      new Set(attributesClasses(next)).symmetricDifference(new Set(attributesClasses(previous))).size > 0
    );
  },
  inScope: (object, scope) => scope.scopeName === "VolumeAttributesClass" && selects(scope, attributesClasses(claimOf(object))),
  usage(object) {
    const claim = claimOf(object);
    const usage = new Map<string, Quantity>([
      [CLAIMS, ONE],
      [COUNT, ONE],
    ]);
    const className = claim.metadata?.annotations?.[CLASS_ANNOTATION] ?? claim.spec?.storageClassName ?? "";
    if (className !== "") usage.set(className + OF_CLASS + CLAIMS, ONE);
    const storage = storageOf(claim);
    if (storage) {
      usage.set(STORAGE, storage);
      if (className !== "") usage.set(className + OF_CLASS + STORAGE, storage);
    }
    return usage;
  },
};

/** What it asks for, or what an expansion that failed has taken already. */
function storageOf({ spec, status }: AnyClaim): Quantity | undefined {
  const requested = spec?.resources?.requests?.["storage"];
  if (requested === undefined) return undefined;
  const allocated = status?.allocatedResources?.["storage"];
  const amount = allocated !== undefined && compare(allocated, requested) > 0 ? allocated : requested;
  const quantity = parseQuantity(amount);
  const isWhole = quantity.nanos % 1_000_000_000n === 0n;
  return isWhole ? quantity : { nanos: BigInt(integerPart(amount)) * 1_000_000_000n, format: quantity.format };
}

/** All that it has, shall have or is on the way to. */
function attributesClasses({ spec, status }: AnyClaim): string[] {
  const names = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(names.filter((name): name is string => name !== undefined && name !== ""))];
}
