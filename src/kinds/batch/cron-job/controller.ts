// Starts Jobs when a CronJob's schedule says so. The deciding parts are timing.ts and decision.ts; this file reads and writes.

import { CronJob, type CronJobStatus, Job } from "#kinds/api/batch-v1.gen.ts";
import { messageOf } from "#kinds/shared/owned-pods/controller.ts";
import { equal } from "#lib/equal.ts";
import { hasCause, isAlreadyExists, isNotFound } from "#meta/errors.ts";
import { controllerOf, keyOf, makeKey } from "#meta/object.ts";
import { formatTime } from "#meta/time.ts";
import { type ControllerDefinition, index, type ReconcileContext, watchControlled } from "#reconcile/controller.ts";
import {
  type AnyCronJob,
  type AnyJob,
  decideStart,
  jobAt,
  jobsToForget,
  lookAgainInMs,
  type Note,
  referenceTo,
  review,
  statusOf,
} from "./decision.ts";

const JOBS_BY_OWNER = "cronjob-jobs-by-owner";

export const cronJobController: ControllerDefinition = {
  name: "cronjob-controller",
  for: CronJob,
  watches: [watchControlled(Job, CronJob)],
  indexes: [
    index(Job, JOBS_BY_OWNER, (job) => {
      const owner = controllerOf(job);
      return owner?.kind === CronJob.kind ? [owner.uid] : [];
    }),
  ],
  awaitsOwnWrites: true,
  async reconcile(key, context) {
    const cached = context.cache(CronJob).get(key);
    if (!cached) return;
    const run = startRun(cached, context);
    const jobs = context.cache(Job).byIndex(JOBS_BY_OWNER, cached.metadata?.uid ?? "");
    const { status, notes, repaired, missing } = review(cached, jobs);
    run.status = status;
    for (const note of notes) run.tell(note);
    if (repaired) await run.writeStatus();
    let failure: unknown;
    try {
      await dropMissing(run, missing);
      for (const job of jobsToForget(cached, jobs)) await deleteJob(run, job);
      if (cached.metadata?.deletionTimestamp === undefined) await start(run);
    } catch (error) {
      failure = error;
    }
    await run.writeStatus();
    if (failure !== undefined) throw failure;
    if (cached.metadata?.deletionTimestamp !== undefined) return;
    return { requeueAfterMs: lookAgainInMs(run.cronJob(), context.clock.now()) };
  },
};

/** One run's view of its CronJob: the object as the server has it, and the status it is to have. */
interface Run {
  readonly context: ReconcileContext;
  status: CronJobStatus;
  /** The object with that status. */
  cronJob(): AnyCronJob;
  tell(note: Note): void;
  writeStatus(): Promise<void>;
}

function startRun(cached: AnyCronJob, context: ReconcileContext): Run {
  let written = cached;
  const run: Run = {
    context,
    status: (cached.status ?? {}) as CronJobStatus, // replaced, never changed
    cronJob: () => ({ ...written, status: run.status }),
    tell: ({ type, reason, message }) => context.events.event({ resource: CronJob, object: cached }, type, reason, message),
    async writeStatus() {
      if (equal(run.status, written.status ?? {})) return;
      written = await context.client.updateStatus(CronJob, run.cronJob() as CronJob, { signal: context.signal }); // only sent, not changed
    },
  };
  return run;
}

function dropFromActive(run: Run, uid: string | undefined): void {
  const { active = [], lastScheduleTime, lastSuccessfulTime } = run.status;
  run.status = statusOf(
    active.filter((reference) => reference.uid !== uid),
    lastScheduleTime,
    lastSuccessfulTime,
  );
}

/** Forgets active Jobs that are gone; asks the server, for the cache may not have seen them yet. */
async function dropMissing(run: Run, missing: ReturnType<typeof review>["missing"]): Promise<void> {
  const { client, signal } = run.context;
  for (const { namespace, name = "", uid } of missing) {
    try {
      await client.get(Job, makeKey(namespace, name), { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      run.tell({ type: "Normal", reason: "MissingJob", message: `Active job went missing: ${name}` });
      dropFromActive(run, uid);
    }
  }
}

/** Whether it is deleted. */
async function deleteJob(run: Run, job: AnyJob): Promise<boolean> {
  const { client, signal } = run.context;
  const { name, uid = "" } = job.metadata ?? {};
  try {
    await client.delete(Job, keyOf(job), { propagationPolicy: "Background", preconditions: { uid }, signal });
  } catch (error) {
    run.tell({ type: "Warning", reason: "FailedDelete", message: `Deleted job: ${messageOf(error)}` });
    return false;
  }
  dropFromActive(run, uid);
  run.tell({ type: "Normal", reason: "SuccessfulDelete", message: `Deleted job ${name}` });
  return true;
}

/** Starts a Job if one is due. */
async function start(run: Run): Promise<void> {
  const { client, clock, signal } = run.context;
  const { startMs, replace, notes } = decideStart(run.cronJob(), clock.now());
  for (const note of notes) run.tell(note);
  if (startMs === undefined) return;
  if (replace) await deleteActive(run);
  const wanted = jobAt(run.cronJob(), startMs);
  let job: Job;
  try {
    job = await client.create(Job, wanted, { signal });
    run.tell({ type: "Normal", reason: "SuccessfulCreate", message: `Created job ${job.metadata?.name}` });
  } catch (error) {
    if (!isAlreadyExists(error)) {
      const terminating = hasCause(error, "NamespaceTerminating");
      if (!terminating) run.tell({ type: "Warning", reason: "FailedCreate", message: `Error creating job: ${messageOf(error)}` });
      throw error;
    }
    job = await client.get(Job, keyOf(wanted), { signal });
    // Somebody else's Job of that name is that one's business.
    if (controllerOf(job)?.uid !== run.cronJob().metadata?.uid) return;
  }
  const active = (run.status.active ?? []).filter((reference) => reference.uid !== job.metadata?.uid);
  run.status = statusOf([...active, referenceTo(job)], formatTime(startMs), run.status.lastSuccessfulTime);
}

async function deleteActive(run: Run): Promise<void> {
  const { client, signal } = run.context;
  for (const { namespace, name = "" } of run.status.active ?? []) {
    let job: Job;
    try {
      job = await client.get(Job, makeKey(namespace, name), { signal });
    } catch (error) {
      run.tell({ type: "Warning", reason: "FailedGet", message: `Get job: ${messageOf(error)}` });
      throw error;
    }
    if (!(await deleteJob(run, job))) throw new Error(`could not replace job ${namespace}/${name}`);
  }
}
