// What PersistentVolumes and claims share.

const SHORT_MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};

/** Access modes as `RWO,ROX`, each once, in upstream's fixed order. */
export function formatAccessModes(modes: readonly string[] | undefined): string {
  return Object.entries(SHORT_MODES)
    .filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(",");
}

const CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class";

/** The storage class: the old annotation wins over the field. */
export function storageClassOf(annotations: Readonly<Record<string, string>> | undefined, name: string | undefined): string {
  return annotations?.[CLASS_ANNOTATION] ?? name ?? "";
}
