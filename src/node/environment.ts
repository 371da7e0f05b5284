// A container's environment, command and arguments, with everything they refer to filled in. Pure but for the look-ups handed in.

import type { ConfigMap, Secret, Service } from "#kinds/api/core-v1.gen.ts";
import { decodeBase64 } from "#kinds/shared/base64.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { podField, resourceField, type FieldSources } from "./pod-fields.ts";
import type { ContainerObject, PodObject } from "./pod/pod-view.ts";
import { RuntimeError } from "./runtime.ts";

export interface EnvironmentSources extends FieldSources {
  readonly configMap: (name: string) => DeepReadonly<ConfigMap> | undefined;
  readonly secret: (name: string) => DeepReadonly<Secret> | undefined;
  /** Variables that point to Services. */
  readonly serviceVariables: Readonly<Record<string, string>>;
}

/** Names of the ConfigMaps and Secrets that a container's environment needs. */
export function environmentReferences(container: ContainerObject): { readonly configMaps: Set<string>; readonly secrets: Set<string> } {
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef) configMaps.add(configMapRef.name ?? "");
    if (secretRef) secrets.add(secretRef.name ?? "");
  }
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.configMapKeyRef) configMaps.add(valueFrom.configMapKeyRef.name ?? "");
    if (valueFrom?.secretKeyRef) secrets.add(valueFrom.secretKeyRef.name ?? "");
  }
  return { configMaps, secrets };
}

const configError = (message: string) => new RuntimeError("CreateContainerConfigError", message);

/** All variables. Throws RuntimeError CreateContainerConfigError when something that is not optional is missing. */
export function makeEnvironment(pod: PodObject, container: ContainerObject, sources: EnvironmentSources): Map<string, string> {
  const result = new Map<string, string>();
  const namespace = pod.metadata?.namespace ?? "";
  for (const { prefix = "", configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef) {
      const map = sources.configMap(configMapRef.name ?? "");
      if (map === undefined && configMapRef.optional !== true) throw configError(`configmap "${configMapRef.name}" not found`);
      for (const [key, value] of Object.entries(map?.data ?? {})) result.set(prefix + key, value);
    } else if (secretRef) {
      const secret = sources.secret(secretRef.name ?? "");
      if (secret === undefined && secretRef.optional !== true) throw configError(`secret "${secretRef.name}" not found`);
      for (const [key, value] of Object.entries(secret?.data ?? {})) result.set(prefix + key, decodeBase64(value) ?? "");
    }
  }
  /** What $(NAME) finds in values: variables above it and those of Services, not what envFrom brought. */
  const above = new Map<string, string>();
  const lookUp = (name: string) => above.get(name) ?? sources.serviceVariables[name];
  for (const { name, value, valueFrom } of container.env ?? []) {
    let text: string | undefined;
    if (valueFrom === undefined) {
      text = expand(value ?? "", lookUp);
    } else if (valueFrom.fieldRef) {
      text = podField(pod, valueFrom.fieldRef, sources);
      if (text === undefined) throw configError(`unsupported fieldPath: ${valueFrom.fieldRef.fieldPath}`);
    } else if (valueFrom.resourceFieldRef) {
      const other = valueFrom.resourceFieldRef.containerName;
      const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
      const subject = other ? all.find((candidate) => candidate.name === other) : container;
      if (subject === undefined) throw configError(`container ${other} not found`);
      text = resourceField(subject, valueFrom.resourceFieldRef, sources.allocatable);
      if (text === undefined) throw configError(`unsupported container resource : ${valueFrom.resourceFieldRef.resource}`);
    } else if (valueFrom.configMapKeyRef) {
      const { name: mapName = "", key, optional } = valueFrom.configMapKeyRef;
      const map = sources.configMap(mapName);
      text = map?.data?.[key];
      if (text === undefined && optional !== true) {
        throw configError(
          map === undefined ? `configmap "${mapName}" not found` : `couldn't find key ${key} in ConfigMap ${namespace}/${mapName}`,
        );
      }
    } else if (valueFrom.secretKeyRef) {
      const { name: secretName = "", key, optional } = valueFrom.secretKeyRef;
      const secret = sources.secret(secretName);
      const encoded = secret?.data?.[key];
      text = encoded === undefined ? undefined : decodeBase64(encoded);
      if (text === undefined && optional !== true) {
        throw configError(
          secret === undefined ? `secret "${secretName}" not found` : `couldn't find key ${key} in Secret ${namespace}/${secretName}`,
        );
      }
    } else {
      throw configError(`environment variable ${name} has an unsupported source`);
    }
    if (text === undefined) continue;
    above.set(name, text);
    result.set(name, text);
  }
  for (const [name, value] of Object.entries(sources.serviceVariables)) if (!result.has(name)) result.set(name, value);
  return result;
}

/** Replaces $(NAME) by what `lookUp` gives, leaves unknown names as they are, and makes $$ one dollar. */
export function expand(text: string, lookUp: (name: string) => string | undefined): string {
  if (!text.includes("$")) return text;
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) => (name === undefined ? "$" : (lookUp(name) ?? whole)));
}

/** The variables by which pods find Services: those of the pod's namespace if it wants links, and always the API server's. */
export function serviceVariables(
  services: readonly DeepReadonly<Service>[],
  apiServer: { readonly host: string; readonly port: number } | undefined,
): Record<string, string> {
  const variables: Record<string, string> = {};
  if (apiServer !== undefined) {
    addService(variables, "kubernetes", apiServer.host, [{ name: "https", port: apiServer.port, protocol: "TCP" }]);
  }
  for (const { metadata, spec } of services) {
    const ip = spec?.clusterIP;
    if (!ip || ip === "None") continue;
    // It leads to the same place; the direct address works also where nobody may listen on port 443.
    if (apiServer !== undefined && metadata?.name === "kubernetes" && metadata.namespace === "default") continue;
    addService(
      variables,
      metadata?.name ?? "",
      ip,
      (spec.ports ?? []).map((port) => ({ name: port.name ?? "", port: port.port, protocol: port.protocol ?? "TCP" })),
    );
  }
  return variables;
}

function addService(
  variables: Record<string, string>,
  service: string,
  ip: string,
  ports: readonly { readonly name: string; readonly port: number; readonly protocol: string }[],
): void {
  const [first] = ports;
  if (first === undefined) return;
  const upper = (text: string) => text.toUpperCase().replaceAll("-", "_");
  const prefix = upper(service);
  const host = ip.includes(":") ? `[${ip}]` : ip;
  variables[`${prefix}_SERVICE_HOST`] = ip;
  variables[`${prefix}_SERVICE_PORT`] = String(first.port);
  for (const { name, port } of ports) if (name !== "") variables[`${prefix}_SERVICE_PORT_${upper(name)}`] = String(port);
  for (const [index, { port, protocol }] of ports.entries()) {
    const url = `${protocol.toLowerCase()}://${host}:${port}`;
    const link = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
    if (index === 0) variables[`${prefix}_PORT`] = url;
    variables[link] = url;
    variables[`${link}_PROTO`] = protocol.toLowerCase();
    variables[`${link}_PORT`] = String(port);
    variables[`${link}_ADDR`] = ip;
  }
}
