// Kubeconfig files: read as kubectl reads them, and merged into without touching entries that are not ours.

import { randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { httpsTransport, type HttpsTransport, type HttpsTransportOptions } from "./https-transport.ts";

/** The file's form; fields that are not named here are kept as they are. */
export interface Kubeconfig {
  apiVersion?: string;
  kind?: string;
  preferences?: unknown;
  "current-context"?: string;
  clusters?: NamedCluster[];
  users?: NamedUser[];
  contexts?: NamedContext[];
  [field: string]: unknown;
}

export interface NamedCluster {
  name: string;
  cluster: {
    server: string;
    "certificate-authority"?: string;
    "certificate-authority-data"?: string;
    "insecure-skip-tls-verify"?: boolean;
    "tls-server-name"?: string;
    [field: string]: unknown;
  };
}

export interface NamedUser {
  name: string;
  user: {
    "client-certificate"?: string;
    "client-certificate-data"?: string;
    "client-key"?: string;
    "client-key-data"?: string;
    token?: string;
    tokenFile?: string;
    [field: string]: unknown;
  };
}

export interface NamedContext {
  name: string;
  context: { cluster: string; user: string; namespace?: string; [field: string]: unknown };
}

/** What to put into a kubeconfig: one cluster, one user, one context, all named `name`. PEM texts. */
export interface KubeconfigEntry {
  readonly name: string;
  readonly server: string;
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  readonly namespace?: string;
}

/** A kubeconfig with this entry only, its context current. */
export function kubeconfigOf(entry: KubeconfigEntry): Kubeconfig {
  return mergeEntry({ apiVersion: "v1", kind: "Config", preferences: {} }, entry, { makeCurrent: true });
}

/** `config` with the entry put in, or over the one of its name. Other entries are kept. Pure. */
export function mergeEntry(config: Kubeconfig, entry: KubeconfigEntry, options: { readonly makeCurrent: boolean }): Kubeconfig {
  const base64 = (pem: string) => Buffer.from(pem).toString("base64");
  const cluster: NamedCluster = {
    name: entry.name,
    cluster: { "certificate-authority-data": base64(entry.ca), server: entry.server },
  };
  const user: NamedUser = {
    name: entry.name,
    user: {
      ...(entry.cert !== undefined ? { "client-certificate-data": base64(entry.cert) } : {}),
      ...(entry.key !== undefined ? { "client-key-data": base64(entry.key) } : {}),
      ...(entry.token !== undefined ? { token: entry.token } : {}),
    },
  };
  const context: NamedContext = {
    name: entry.name,
    context: { cluster: entry.name, user: entry.name, ...(entry.namespace !== undefined ? { namespace: entry.namespace } : {}) },
  };
  return {
    ...config,
    apiVersion: "v1",
    kind: "Config",
    clusters: put(config.clusters, cluster),
    contexts: put(config.contexts, context),
    users: put(config.users, user),
    "current-context": options.makeCurrent || !config["current-context"] ? entry.name : config["current-context"],
  };
}

/** `config` without the cluster, user and context of this name; a current context that goes is unset. Pure. */
export function removeEntry(config: Kubeconfig, name: string): Kubeconfig {
  const others = <T extends { name: string }>(list: T[] | undefined) => (list ?? []).filter((item) => item.name !== name);
  return {
    ...config,
    clusters: others(config.clusters),
    contexts: others(config.contexts),
    users: others(config.users),
    "current-context": config["current-context"] === name ? "" : (config["current-context"] ?? ""),
  };
}

function put<T extends { name: string }>(list: T[] | null | undefined, item: T): T[] {
  const at = list?.findIndex((other) => other.name === item.name) ?? -1;
  return at < 0 ? [...(list ?? []), item] : (list ?? []).with(at, item);
}

/** Parses a file; undefined if there is none. Throws if it is there and is no kubeconfig: it must not be written over then. */
export async function readKubeconfig(path: string): Promise<Kubeconfig | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined; // node's file errors carry a code
    throw error;
  }
  return parseKubeconfig(text, path);
}

/** Parses YAML or JSON. `source` names the text in errors. An empty text is an empty config. */
export async function parseKubeconfig(text: string, source: string): Promise<Kubeconfig> {
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    if (text.trimStart().startsWith("{")) value = JSON.parse(text);
    else value = (await import("js-yaml")).load(text);
  } catch (error) {
    throw new Error(`cannot read kubeconfig ${source}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  if (value === null || value === undefined) return {};
  const config = value as Kubeconfig; // lists are looked at below, entries where they are used
  const lists = typeof value === "object" && !Array.isArray(value) ? [config.clusters, config.users, config.contexts] : ["not a map"];
  if (!lists.every((list) => list === undefined || list === null || Array.isArray(list))) {
    throw new Error(`cannot read kubeconfig ${source}: it is not a kubeconfig`);
  }
  return config;
}

/** Writes the file whole or not at all, readable by its owner only. Follows a symbolic link to the file it stands for. */
export async function writeKubeconfig(path: string, config: Kubeconfig): Promise<void> {
  const { dump } = await import("js-yaml");
  const target = await realTarget(path);
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  const temporary = `${target}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await writeFile(temporary, dump(config, { lineWidth: -1 }), { mode: 0o600, flag: "wx", flush: true });
    await chmod(temporary, 0o600);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function realTarget(path: string): Promise<string> {
  const { realpath } = await import("node:fs/promises");
  try {
    await stat(path);
    return await realpath(path);
  } catch {
    return resolve(path); // not there yet
  }
}

/** Puts the entry into the file at `path`, which is made if it is not there. */
export async function mergeIntoKubeconfig(path: string, entry: KubeconfigEntry, options: { readonly makeCurrent: boolean }): Promise<void> {
  await writeKubeconfig(path, mergeEntry((await readKubeconfig(path)) ?? { preferences: {} }, entry, options));
}

/** What the transport needs for a context (default: the current one). Relative files are relative to the kubeconfig. */
export async function connectionOf(
  config: Kubeconfig,
  options: { readonly context?: string | undefined; readonly baseFolder: string },
): Promise<HttpsTransportOptions & { readonly namespace: string }> {
  const contextName = options.context ?? config["current-context"] ?? "";
  const context = config.contexts?.find((item) => item.name === contextName)?.context;
  if (!context) throw new Error(contextName === "" ? "no context is current" : `context "${contextName}" does not exist`);
  const cluster = config.clusters?.find((item) => item.name === context.cluster)?.cluster;
  if (!cluster) throw new Error(`cluster "${context.cluster}" of context "${contextName}" does not exist`);
  const user = config.users?.find((item) => item.name === context.user)?.user ?? {};
  if ("exec" in user || "auth-provider" in user)
    throw new Error(`user "${context.user}" needs a credential plugin, which is not supported`);
  const pem = async (data: string | undefined, file: string | undefined) => {
    if (data) return Buffer.from(data, "base64").toString();
    return file ? await readFile(resolve(options.baseFolder, file), "utf8") : undefined;
  };
  const ca = await pem(cluster["certificate-authority-data"], cluster["certificate-authority"]);
  const cert = await pem(user["client-certificate-data"], user["client-certificate"]);
  const key = await pem(user["client-key-data"], user["client-key"]);
  const token = user.token ?? (user.tokenFile ? (await readFile(resolve(options.baseFolder, user.tokenFile), "utf8")).trim() : undefined);
  return {
    server: cluster.server,
    namespace: context.namespace ?? "default",
    ...(ca !== undefined ? { ca } : {}),
    ...(cert !== undefined ? { cert } : {}),
    ...(key !== undefined ? { key } : {}),
    ...(token !== undefined ? { token } : {}),
    ...(cluster["insecure-skip-tls-verify"] ? { insecureSkipVerify: true } : {}),
    ...(cluster["tls-server-name"] !== undefined ? { serverName: cluster["tls-server-name"] } : {}),
  };
}

/** A transport for a context of the kubeconfig at `path` (default: its current one). */
export async function transportFromKubeconfig(path: string, context?: string): Promise<HttpsTransport & { readonly namespace: string }> {
  const config = await readKubeconfig(path);
  if (!config) throw new Error(`no kubeconfig at ${path}`);
  const connection = await connectionOf(config, { context, baseFolder: dirname(resolve(path)) });
  return { ...httpsTransport(connection), namespace: connection.namespace };
}
