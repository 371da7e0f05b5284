// Writes the table of what is served into docs/api.md, from the discovery of a cluster that it starts: `node tools/api-table.ts`.
// With `--check` it writes nothing and fails if the table is not as it would be.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ApisApi, CoreV1Api, CustomObjectsApi, KubeConfig, type V1APIResource, type V1APIResourceList } from "@kubernetes/client-node";
import { startCluster } from "#main/cluster.ts";

const PAGE = join(import.meta.dirname, "../docs/api.md");
const BEGIN = "<!-- begin of the table of tools/api-table.ts -->";
const END = "<!-- end of the table -->";
/** Said once above the table. */
const ALL_VERBS = "create delete deletecollection get list patch update watch";

export async function servedTable(): Promise<string> {
  await using cluster = await startCluster({ runtime: "simulated", nodes: 0 });
  const config = new KubeConfig();
  config.loadFromString(cluster.kubeconfig);
  const custom = config.makeApiClient(CustomObjectsApi);
  const { groups } = await config.makeApiClient(ApisApi).getAPIVersions();
  const lists = [
    config.makeApiClient(CoreV1Api).getAPIResources(),
    ...groups
      .toSorted((a, b) => a.name.localeCompare(b.name))
      .flatMap(({ name: group, versions }) => versions.map(({ version }) => custom.getAPIResources({ group, version }))),
  ];
  const rows = (await Promise.all(lists)).flatMap(rowsOf);
  return ["| group and version | kind | resource | | subresources | verbs |", "|---|---|---|---|---|---|", ...rows].join("\n");
}

function rowsOf({ groupVersion, resources }: V1APIResourceList): string[] {
  const whole = resources.filter(({ name }) => !name.includes("/")).toSorted((a, b) => a.name.localeCompare(b.name));
  return whole.map((resource, index) => {
    const inner = resources
      .filter(({ name }) => name.startsWith(`${resource.name}/`))
      .map(({ name }) => name.slice(resource.name.length + 1));
    const cells = [
      index === 0 ? `\`${groupVersion}\`` : "",
      resource.kind,
      [resource.name, ...(resource.shortNames ?? [])].join(", "),
      resource.namespaced ? "" : "cluster",
      inner.toSorted().join(", "),
      verbsOf(resource),
    ];
    return `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |").replaceAll("|  |", "| |");
  });
}

function verbsOf({ verbs }: V1APIResource): string {
  const text = verbs.toSorted().join(" ");
  return text === ALL_VERBS ? "all" : text.replaceAll(" ", ", ");
}

/** The page with the table in its place. */
export function withTable(page: string, table: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`${PAGE} has no place for the table`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${page.slice(end)}`;
}

if (import.meta.main) {
  const page = readFileSync(PAGE, "utf8");
  const next = withTable(page, await servedTable());
  if (!process.argv.includes("--check")) writeFileSync(PAGE, next);
  else if (next !== page) {
    console.error("docs/api.md does not say what is served: run tools/api-table.ts");
    process.exitCode = 1;
  }
}
