// The certificates and keys of a cluster: made at first start, kept in a folder, renewed when they grow old. Each identity is one PEM
// file (certificate and key together), so that a reader never sees a certificate with another one's key.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { chmod, link, mkdir, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#lib/clock.ts";
import type { CertificateRequest, RequestedCertificate } from "./x509.ts";

const DAY_MS = 24 * 3600 * 1000;
const CA_LIFE_MS = 3650 * DAY_MS;
const LEAF_LIFE_MS = 365 * DAY_MS;
/** Peers whose clocks run a little behind shall not refuse a new certificate. */
const BACKDATE_MS = 5 * 60 * 1000;
/** Shorter lives are not shortened by the backdating. */
const SHORT_LIFE_MS = 8 * 3600 * 1000;
const MIN_REQUESTED_MS = 10 * 60 * 1000;
const CA_NAME = "kubernetes";
/** Names that every serving certificate of the API server has. */
const SERVING_NAMES = [
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "kubernetes.default.svc.cluster.local",
  "localhost",
  "127.0.0.1",
  "::1",
];

/** A certificate and its private key, both PEM. */
export interface CertificatePair {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** DNS names and addresses the API server answers to, beyond localhost and the `kubernetes` Service's names: node hosts, the Service's address. */
  readonly names?: readonly string[];
  /** Must be the wall clock: TLS peers judge validity by theirs. */
  readonly clock: Pick<Clock, "now">;
}

type LeafRequest = Omit<CertificateRequest, "notBefore" | "notAfter">;

/** A cluster's trust. All PEM. Nothing here changes after it was made; a restart renews. */
export interface Certificates {
  /** What clients need to trust the cluster. */
  readonly caCertificate: string;
  readonly serving: CertificatePair;
  /** `kubernetes-admin` in system:masters. */
  readonly admin: CertificatePair;
  /** How the API server shows itself to node agents. */
  readonly kubeletClient: CertificatePair;
  /** Signs ServiceAccount tokens (ES256). */
  readonly serviceAccountKey: KeyObject;
  /** A serving certificate for a node agent or another component. */
  issueServing(request: {
    /** A file of the folder: later calls, after a restart too, read it for as long as it fits. Absent: made anew each time. */
    readonly file?: string;
    readonly commonName: string;
    readonly organizations?: readonly string[];
    readonly names: readonly string[];
  }): Promise<CertificatePair>;
  /** A client certificate: user `commonName` in groups `organizations`. */
  issueClient(request: { readonly commonName: string; readonly organizations?: readonly string[] }): Promise<CertificatePair>;
  /** Signs what somebody asks for with a key of their own; for `seconds`, at most and by default a year, at least ten minutes. PEM. */
  signRequest(request: Omit<RequestedCertificate, "notBefore" | "notAfter"> & { readonly seconds?: number | undefined }): Promise<string>;
}

/**
 * Reads the cluster's certificates from `folder`, making or renewing what is missing, old, or no longer fits; in memory only if
 * `folder` is undefined. Processes that start at once on one folder end with the same CA and signing key.
 */
export async function ensureCertificates(folder: string | undefined, options: CertificateOptions): Promise<Certificates> {
  const now = options.clock.now();
  const files = folder === undefined ? memoryFiles() : diskFiles(folder);
  const [caPair, serviceAccountKey] = await Promise.all([ensureAuthority(files, now), ensureSigningKey(files)]);
  const ca = { commonName: CA_NAME, key: createPrivateKey(caPair.key) };
  const caX509 = new X509Certificate(caPair.certificate);

  const issue = async (request: LeafRequest): Promise<CertificatePair> => {
    const at = options.clock.now();
    // A leaf that outlives its CA would only look valid.
    const notAfter = Math.min(at + LEAF_LIFE_MS, caX509.validToDate.getTime());
    const names = [...new Set(request.names?.map(normalName))];
    return issuePair({ ...request, names, notBefore: at - BACKDATE_MS, notAfter }, makeKey(), ca);
  };
  const ensureLeaf = async (file: string, request: LeafRequest): Promise<CertificatePair> => {
    const kept = parsePair(await files.read(file));
    if (kept && leafFits(kept, request, caX509, options.clock.now())) return kept;
    const made = await issue(request);
    await files.replace(file, made.key + made.certificate);
    return made;
  };

  const names = [...SERVING_NAMES, ...(options.names ?? [])];
  const [serving, admin, kubeletClient] = await Promise.all([
    ensureLeaf("apiserver.pem", { commonName: "kube-apiserver", usage: "server", names }),
    ensureLeaf("admin.pem", { commonName: "kubernetes-admin", organizations: ["system:masters"], usage: "client" }),
    ensureLeaf("apiserver-kubelet-client.pem", {
      commonName: "kube-apiserver-kubelet-client",
      organizations: ["system:masters"],
      usage: "client",
    }),
  ]);
  return {
    caCertificate: caPair.certificate,
    serving,
    admin,
    kubeletClient,
    serviceAccountKey,
    issueServing: ({ file, ...request }) =>
      file === undefined ? issue({ ...request, usage: "server" }) : ensureLeaf(file, { ...request, usage: "server" }),
    issueClient: (request) => issue({ ...request, usage: "client" }),
    async signRequest({ seconds, ...request }) {
      const at = options.clock.now();
      const lifeMs = seconds === undefined ? LEAF_LIFE_MS : Math.min(Math.max(seconds * 1000, MIN_REQUESTED_MS), LEAF_LIFE_MS);
      const wanted = at + (lifeMs < SHORT_LIFE_MS ? lifeMs : lifeMs - BACKDATE_MS);
      const notAfter = Math.min(wanted, caX509.validToDate.getTime());
      const { signRequested } = await import("./x509.ts");
      return signRequested({ ...request, notBefore: at - BACKDATE_MS, notAfter }, ca);
    },
  };
}

async function ensureAuthority(files: Files, now: number): Promise<CertificatePair> {
  const selfSign = (key: KeyObject): Promise<CertificatePair> =>
    issuePair({ commonName: CA_NAME, usage: "ca", notBefore: now - BACKDATE_MS, notAfter: now + CA_LIFE_MS }, key);
  const kept = parsePair(await files.read("ca.pem"));
  if (kept && !grownOld(new X509Certificate(kept.certificate), now)) return kept;
  if (kept) {
    // The same key and name: what the old certificate vouches for, the new one does too, and the other way round.
    const renewed = await selfSign(createPrivateKey(kept.key));
    await files.replace("ca.pem", renewed.key + renewed.certificate);
    return renewed;
  }
  const made = await selfSign(makeKey());
  const stored = parsePair(await files.create("ca.pem", made.key + made.certificate));
  if (!stored) throw new Error("cannot use ca.pem: it holds no certificate with its key; move it away to have a new one made");
  return stored;
}

async function ensureSigningKey(files: Files): Promise<KeyObject> {
  const text = (await files.read("service-account.pem")) ?? (await files.create("service-account.pem", keyPem(makeKey())));
  return createPrivateKey(text);
}

async function issuePair(
  request: CertificateRequest,
  key: KeyObject,
  issuer?: { readonly commonName: string; readonly key: KeyObject },
): Promise<CertificatePair> {
  // Not loaded by a start that finds all its certificates.
  const { issueCertificate } = await import("./x509.ts");
  return { certificate: issueCertificate(request, key, issuer), key: keyPem(key) };
}

/** Makes a P-256 private key. */
function makeKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
}

function keyPem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

/** Whether less than a third of its life is left, or it is not yet valid. */
function grownOld(certificate: X509Certificate, now: number): boolean {
  const from = certificate.validFromDate.getTime();
  const to = certificate.validToDate.getTime();
  return now < from || to - now < (to - from) / 3;
}

function leafFits(pair: CertificatePair, request: Pick<CertificateRequest, "names">, ca: X509Certificate, now: number): boolean {
  const certificate = new X509Certificate(pair.certificate);
  if (grownOld(certificate, now) || !certificate.verify(ca.publicKey)) return false;
  const has = new Set(namesOf(certificate).map(normalName));
  return (request.names ?? []).every((name) => has.has(normalName(name)));
}

/** One spelling per address: node writes IPv6 addresses of certificates in full, people do not. */
function normalName(name: string): string {
  // Not isIP: its pattern for IPv6 takes milliseconds to compile, and only an address has a colon.
  return name.includes(":") ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name.toLowerCase();
}

function parsePair(text: string | undefined): CertificatePair | undefined {
  if (text === undefined) return undefined;
  const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/.exec(text)?.[0];
  const key = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n?/.exec(text)?.[0];
  if (certificate === undefined || key === undefined) return undefined;
  // A pair that does not belong together would fail every handshake with a message nobody understands.
  const fits = new X509Certificate(certificate).publicKey.equals(createPublicKey(key));
  return fits ? { certificate, key } : undefined;
}

/** The names a certificate is good for, DNS names and addresses. */
function namesOf(certificate: X509Certificate): string[] {
  return certificate.subjectAltName?.split(", ").map((entry) => entry.replace(/^(DNS|IP Address):/, "")) ?? [];
}

interface Files {
  read(name: string): Promise<string | undefined>;
  /** Writes the file unless it exists, and returns what is there afterwards: of several writers one wins. */
  create(name: string, text: string): Promise<string>;
  /** Writes the file whole, whatever was there. */
  replace(name: string, text: string): Promise<void>;
}

function memoryFiles(): Files {
  return { read: () => Promise.resolve(undefined), create: (_, text) => Promise.resolve(text), replace: () => Promise.resolve() };
}

function diskFiles(folder: string): Files {
  const read = async (name: string): Promise<string | undefined> => {
    try {
      return await readFile(join(folder, name), "utf8");
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
  };
  const writeTemporary = async (name: string, text: string): Promise<string> => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `.${name}.${crypto.randomUUID()}`);
    await writeFile(path, text, { mode: 0o600, flush: true });
    await chmod(path, 0o600); // whatever the umask
    return path;
  };
  return {
    read,
    async create(name, text) {
      const temporary = await writeTemporary(name, text);
      try {
        // link, not rename: it fails if another process was first.
        await link(temporary, join(folder, name));
        return text;
      } catch (error) {
        if (!hasCode(error, "EEXIST")) throw error;
        return (await read(name)) ?? text;
      } finally {
        await unlink(temporary);
      }
    },
    async replace(name, text) {
      await rename(await writeTemporary(name, text), join(folder, name));
    },
  };
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
