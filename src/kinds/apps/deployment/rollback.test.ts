import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment, ReplicaSet } from "#kinds/api/apps-v1.gen.ts";
import { makeNewSet } from "./replica-sets.ts";
import { requestedRevision, rollBack } from "./rollback.ts";

const template = (image: string) => ({ metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image }] } });

function deployment(to: string): Deployment {
  return {
    metadata: {
      name: "web",
      annotations: { "deprecated.deployment.rollback.to": to, "deployment.kubernetes.io/revision": "3", mine: "now", fresh: "x" },
    },
    spec: { selector: { matchLabels: { app: "web" } }, template: template("v3") },
  };
}

const SETS = ([1, 2, 3] as const).map((revision): ReplicaSet => {
  const { metadata, spec } = deployment("0");
  const of = { metadata: { ...metadata, annotations: { mine: `v${revision}` } }, spec: { ...spec, template: template(`v${revision}`) } };
  return makeNewSet(of as Deployment, 1, BigInt(revision));
});

for (const [to, image, event] of [
  ["1", "v1", 'Normal DeploymentRollback: Rolled back deployment "web" to revision 1'],
  ["0", "v2", 'Normal DeploymentRollback: Rolled back deployment "web" to revision 2'],
  ["3", "v3", 'Warning DeploymentRollbackTemplateUnchanged: The rollback revision contains the same template as current deployment "web"'],
  ["9", "v3", "Warning DeploymentRollbackRevisionNotFound: Unable to find the revision to rollback to."],
] as const) {
  test(`a request to go back to revision ${to} is answered: ${event}`, () => {
    const { next, event: told } = rollBack(deployment(to), SETS);
    assert.deepEqual(next.spec?.template, template(image), "without the hash of the set");
    assert.equal(`${told.type} ${told.reason}: ${told.message}`, event);
    const annotations = { ...next.metadata?.annotations };
    assert.equal(requestedRevision(next), undefined, "once only");
    assert.equal(annotations["deployment.kubernetes.io/revision"], "3", "the next run numbers it anew");
    assert.deepEqual([annotations["mine"], annotations["fresh"]], image === "v3" ? ["now", "x"] : [image, undefined]);
  });
}

test("with one revision there is none before it", () => {
  assert.equal(rollBack(deployment("0"), SETS.slice(2)).event.message, "Unable to find last revision.");
});

test("what is no number asks for nothing", () => {
  for (const text of ["", "two", "1.5"]) assert.equal(requestedRevision(deployment(text)), undefined);
});

test("a set's name is cut to what a name may be, its hash stays", () => {
  const long = deployment("0");
  const set = makeNewSet({ ...long, metadata: { ...long.metadata, name: "d".repeat(253) } }, 1, 1n);
  assert.equal(set.metadata?.name?.length, 253);
  assert.match(set.metadata?.name ?? "", new RegExp(`-${set.metadata?.labels?.["pod-template-hash"]}$`));
});
