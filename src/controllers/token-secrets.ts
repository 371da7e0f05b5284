// Secrets of type kubernetes.io/service-account-token: filled with a token of their account, and deleted with it.

import { Secret, ServiceAccount } from "#kinds/api/core-v1.gen.ts";
import { clone } from "#lib/clone.ts";
import { isConflict, isNotFound } from "#meta/errors.ts";
import { type DeepReadonly, type Key, keyOf, type KubeObject, makeKey, splitKey } from "#meta/object.ts";
import { type ControllerDefinition, index, type ReconcileContext, watch } from "#reconcile/controller.ts";

type AnySecret = DeepReadonly<Secret>;

const TYPE = "kubernetes.io/service-account-token";
const NAME = "kubernetes.io/service-account.name";
const UID = "kubernetes.io/service-account.uid";
const BY_ACCOUNT = "token-secrets-by-account";

export interface TokenSecretsOptions {
  /** PEM of the CA that clients verify the API server with. */
  readonly ca: string;
  readonly sign: (subject: {
    readonly namespace: string;
    readonly account: { readonly name: string; readonly uid: string };
    readonly secret: string;
  }) => Promise<string>;
}

/** What controllers need of a Secret: only tokens' content is kept. */
export function withoutOtherSecretsData(object: KubeObject): KubeObject {
  const { metadata, type } = object as Secret; // asked of Secrets alone
  if (type === TYPE) return object;
  return { ...(metadata ? { metadata } : {}), ...(type === undefined ? {} : { type }) } as KubeObject; // a Secret without data
}

const accountKeyOf = (secret: AnySecret) =>
  secret.type === TYPE ? [makeKey(secret.metadata?.namespace, secret.metadata?.annotations?.[NAME] ?? "")] : [];

export function tokenSecretsController({ ca, sign }: TokenSecretsOptions): ControllerDefinition {
  return {
    name: "tokens-controller",
    for: Secret,
    watches: [watch(ServiceAccount, (account, cache) => cache(Secret).byIndex(BY_ACCOUNT, keyOf(account)).map(keyOf))],
    indexes: [index(Secret, BY_ACCOUNT, accountKeyOf)],
    async reconcile(key, context) {
      const { cache, client, signal } = context;
      const secret = cache(Secret).get(key);
      if (!secret) return forgetSecret(key, context);
      if (secret.type !== TYPE || secret.metadata?.deletionTimestamp !== undefined) return;
      const account = await accountOf(secret, context);
      if (!account) {
        const uid = secret.metadata?.uid;
        await client.delete(Secret, key, { signal, ...(uid === undefined ? {} : { preconditions: { uid } }) }).catch(ignoreGone);
        return;
      }
      const { namespace, name } = splitKey(key);
      const data = { ...secret.data };
      const wanted = btoa(ca);
      if (data["ca.crt"] === wanted && data["namespace"] && data["token"]) return;
      data["ca.crt"] = wanted;
      data["namespace"] ||= btoa(namespace);
      data["token"] ||= btoa(await sign({ namespace, account, secret: name }));
      const next = clone(secret) as Secret; // a copy of our own
      next.metadata = { ...next.metadata, annotations: { ...next.metadata?.annotations, [NAME]: account.name, [UID]: account.uid } };
      await client.update(Secret, { ...next, data }, { signal }).catch(ignoreGone);
    },
  };
}

function ignoreGone(error: unknown): void {
  // The change that came between wakes us again.
  if (!isNotFound(error) && !isConflict(error)) throw error;
}

/** The account a token is for; the server is asked before it is taken for gone, since the cache may not show it yet. */
async function accountOf(
  secret: AnySecret,
  { cache, client, signal }: ReconcileContext,
): Promise<{ readonly name: string; readonly uid: string } | undefined> {
  const { namespace, annotations } = secret.metadata ?? {};
  const name = annotations?.[NAME] ?? "";
  const key = makeKey(namespace, name);
  const wanted = annotations?.[UID] ?? "";
  const fits = (account: DeepReadonly<ServiceAccount> | undefined) => {
    const uid = account?.metadata?.uid ?? "";
    return uid !== "" && (wanted === "" || wanted === uid) ? { name, uid } : undefined;
  };
  const cached = fits(cache(ServiceAccount).get(key));
  if (cached) return cached;
  return client.get(ServiceAccount, key, { signal }).then(fits, (error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
}

/** Takes a deleted Secret out of the accounts that list it. */
async function forgetSecret(key: Key, { cache, client, signal }: ReconcileContext): Promise<void> {
  const { namespace, name } = splitKey(key);
  for (const account of cache(ServiceAccount).list({ namespace })) {
    if (!account.secrets?.some((reference) => reference.name === name)) continue;
    const next = clone(account) as ServiceAccount; // a copy of our own
    await client
      .update(ServiceAccount, { ...next, secrets: (next.secrets ?? []).filter((one) => one.name !== name) }, { signal })
      .catch(ignoreGone);
  }
}
