// Defaults of webhooks of both sorts, and of the rules that policies share with them.

import type { MatchResources, MutatingWebhook, RuleWithOperations, ValidatingWebhook } from "#kinds/api/admissionregistration-v1.gen.ts";

const TIMEOUT_SECONDS = 10;
const HTTPS = 443;

export function defaultWebhook(webhook: MutatingWebhook | ValidatingWebhook): void {
  webhook.failurePolicy ??= "Fail";
  webhook.matchPolicy ??= "Equivalent";
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= TIMEOUT_SECONDS;
  if (webhook.clientConfig?.service) webhook.clientConfig.service.port ??= HTTPS;
  for (const rule of webhook.rules ?? []) defaultRule(rule);
}

export function defaultRule(rule: Pick<RuleWithOperations, "scope">): void {
  rule.scope ??= "*";
}

export function defaultMatchResources(match: MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= "Equivalent";
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) defaultRule(rule);
}
