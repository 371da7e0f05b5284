// The process that makes OpenAPI documents and then ends.

import { readDescriptions } from "#apiserver/openapi/descriptions.ts";
import { makeDocument, type DocumentJob, type PackedDocument } from "#apiserver/openapi/make.ts";
import { builtinStructure } from "#kinds/structure.ts";

export interface OpenApiOrder {
  readonly jobs: readonly DocumentJob[];
  /** URL of the file of texts. */
  readonly descriptionsFile: string;
}

process.once("message", (order: OpenApiOrder) => void fill(order));

async function fill({ jobs, descriptionsFile }: OpenApiOrder): Promise<void> {
  const sources = { types: builtinStructure(), descriptions: await readDescriptions(new URL(descriptionsFile)) };
  const documents: PackedDocument[] = [];
  // One after the other: so only one document is whole in memory at a time.
  for (const job of jobs) documents.push(await makeDocument(job, sources)); // oxlint-disable-line no-await-in-loop -- see above
  // Who ordered hangs up when it has them, which ends this process.
  process.send?.(documents);
}
