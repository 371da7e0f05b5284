// Serves metrics.k8s.io from whoever measures.

import type { ExtensionCall, ExtensionHandler, ServerExtension } from "#apiserver/extension.ts";
import { badRequest, quote } from "#meta/errors.ts";
import type { KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import { type LabelMatcher, parseFieldSelector, parseLabelSelector } from "#meta/selectors.ts";
import { NodeMetrics, PodMetrics } from "./kinds.ts";
import type { MetricsSource } from "./source.ts";

export function metricsExtension(source: MetricsSource): ServerExtension {
  return {
    name: "metrics",
    start: () =>
      Promise.resolve({
        handlers: [
          handler(
            NodeMetrics,
            ({ info }) => source.node(info.name),
            (_, labels) => source.nodes(labels),
          ),
          handler(
            PodMetrics,
            ({ info }) => source.pod(info.namespace, info.name),
            ({ info }, labels) => source.pods(info.namespace, labels),
          ),
        ],
      }),
  };
}

function handler<T extends KubeObject>(
  resource: Resource<T>,
  get: (call: ExtensionCall) => Promise<T>,
  list: (call: ExtensionCall, labels: LabelMatcher) => Promise<readonly T[]>,
): ExtensionHandler {
  return {
    resource,
    subresource: "",
    async handle(call) {
      const { info, request } = call;
      if (info.verb === "get") return { object: await get(call) };
      const labels = parseLabelSelector(request.query.get("labelSelector") ?? "");
      const fields = parseFieldSelector(request.query.get("fieldSelector") ?? "");
      for (const { field } of fields.requirements) {
        if (field !== "metadata.name" && field !== "metadata.namespace")
          throw badRequest(`${quote(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`);
      }
      const found = await list(call, labels);
      if (fields.empty) return { objects: found };
      return {
        objects: found.filter(({ metadata }) =>
          fields.matches({ "metadata.name": metadata?.name ?? "", "metadata.namespace": metadata?.namespace ?? "" }),
        ),
      };
    },
  };
}
