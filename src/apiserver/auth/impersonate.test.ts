import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuthorizationAttributes, Authorizer } from "../access.ts";
import type { UserInfo } from "../http.ts";
import { impersonate } from "./impersonate.ts";

const SELF: UserInfo = { name: "ann", groups: ["system:authenticated"] };

/** Allows what is listed, and remembers what it was asked. */
function authorizer(...allowed: string[]): Authorizer & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    authorize({ verb, apiGroup, resource, subresource, namespace, name }: AuthorizationAttributes) {
      const what = `${verb} ${apiGroup === "" ? "" : `${apiGroup}/`}${resource}${subresource ? `/${subresource}` : ""} ${namespace ? `${namespace}/` : ""}${name}`;
      asked.push(what);
      return { allowed: allowed.includes("*") || allowed.includes(what), reason: "" };
    },
  };
}
const act = async (headers: Record<string, string>, may: Authorizer) => impersonate({ headers }, SELF, may);

test("without headers the user stays himself, and nobody is asked", () => {
  const may = authorizer();
  assert.equal(impersonate({ headers: { accept: "x" } }, SELF, may), SELF);
  assert.deepEqual(may.asked, []);
});

const CASES: readonly { name: string; headers: Record<string, string>; asked: string[]; user: UserInfo }[] = [
  {
    name: "a user",
    headers: { "impersonate-user": "bob" },
    asked: ["impersonate users bob"],
    user: { name: "bob", groups: ["system:authenticated"] },
  },
  {
    name: "groups",
    headers: { "impersonate-user": "bob", "impersonate-group": "devs, ops" },
    asked: ["impersonate users bob", "impersonate groups devs", "impersonate groups ops"],
    user: { name: "bob", groups: ["devs", "ops", "system:authenticated"] },
  },
  {
    name: "an account",
    headers: { "impersonate-user": "system:serviceaccount:shop:web" },
    asked: ["impersonate serviceaccounts shop/web"],
    user: {
      name: "system:serviceaccount:shop:web",
      groups: ["system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"],
    },
  },
  {
    name: "anonymous",
    headers: { "impersonate-user": "system:anonymous" },
    asked: ["impersonate users system:anonymous"],
    user: { name: "system:anonymous", groups: ["system:unauthenticated"] },
  },
  {
    name: "uid and extra values",
    headers: { "impersonate-user": "bob", "impersonate-uid": "7", "impersonate-extra-example.com%2fscope": "a, b" },
    asked: [
      "impersonate users bob",
      "impersonate authentication.k8s.io/uids 7",
      "impersonate authentication.k8s.io/userextras/example.com/scope a",
      "impersonate authentication.k8s.io/userextras/example.com/scope b",
    ],
    user: { name: "bob", uid: "7", groups: ["system:authenticated"], extra: { "example.com/scope": ["a", "b"] } },
  },
];
for (const { name, headers, asked, user } of CASES) {
  test(`impersonation of ${name} is asked for piece by piece`, async () => {
    const may = authorizer("*");
    assert.deepEqual(await act(headers, may), user);
    assert.deepEqual(may.asked, asked);
  });
  test(`impersonation of ${name} fails if any one piece is not allowed`, async () => {
    for (const denied of asked) {
      await assert.rejects(act(headers, authorizer(...asked.filter((one) => one !== denied))), { code: 403 });
    }
  });
}

test("a refusal is worded as upstream does", async () => {
  await assert.rejects(act({ "impersonate-user": "bob" }, authorizer()), {
    message: `users "bob" is forbidden: User "ann" cannot impersonate resource "users" in API group "" at the cluster scope`,
  });
  await assert.rejects(act({ "impersonate-user": "system:serviceaccount:shop:web" }, authorizer()), {
    message: `serviceaccounts "web" is forbidden: User "ann" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "shop"`,
  });
});

test("groups without a user are a bad request", async () => {
  await assert.rejects(act({ "impersonate-group": "system:masters" }, authorizer("*")), { code: 400 });
});
