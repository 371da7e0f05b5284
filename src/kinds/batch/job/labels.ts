// Labels that tie a Job's pods to it.

export const JOB_LABELS = { uid: "batch.kubernetes.io/controller-uid", name: "batch.kubernetes.io/job-name" };
/** The same without a prefix, for clients from before it. */
export const OLD_JOB_LABELS = { uid: "controller-uid", name: "job-name" };
