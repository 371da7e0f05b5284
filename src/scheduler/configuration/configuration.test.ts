import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldErrorText } from "#meta/errors.ts";
import { createProfile, type Profile } from "../profile.ts";
import { createWorld } from "../test-world.ts";
import { completeConfiguration } from "./defaults.ts";
import type { KubeSchedulerConfiguration, KubeSchedulerProfile } from "./types.ts";
import { validateConfiguration } from "./validate.ts";

const errorsOf = (configuration: KubeSchedulerConfiguration) =>
  validateConfiguration(completeConfiguration(configuration)).map(fieldErrorText);
const args = (name: string, given: object): KubeSchedulerConfiguration => ({ profiles: [{ pluginConfig: [{ name, args: given }] }] });
const at = "profiles[0].pluginConfig[0].args";

test("nothing said: one profile with upstream's plugins, and nothing wrong", () => {
  assert.deepEqual(errorsOf({}), []);
  const { profiles, podInitialBackoffSeconds, podMaxBackoffSeconds } = completeConfiguration();
  assert.deepEqual(
    [profiles.length, profiles[0]?.schedulerName, podInitialBackoffSeconds, podMaxBackoffSeconds],
    [1, "default-scheduler", 1, 10],
  );
});

for (const [what, configuration, expected] of [
  ["parallelism", { parallelism: 0 }, ["parallelism: Invalid value: 0: should be an integer value greater than zero"]],
  [
    "percentage",
    { percentageOfNodesToScore: 101 },
    [
      "profiles[0].percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]",
      "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]",
    ],
  ],
  [
    "back-off",
    { podInitialBackoffSeconds: 0, podMaxBackoffSeconds: -1 },
    [
      "podInitialBackoffSeconds: Invalid value: 0: must be greater than 0",
      "podMaxBackoffSeconds: Invalid value: -1: must be greater than or equal to PodInitialBackoffSeconds",
    ],
  ],
  [
    "two profiles of one name",
    { profiles: [{ schedulerName: "a" }, { schedulerName: "a" }] },
    ['profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"'],
  ],
  ["profiles without names", { profiles: [{}, { schedulerName: "a" }] }, ["profiles[0].schedulerName: Required value"]],
  [
    "a plugin of old",
    { profiles: [{ plugins: { filter: { enabled: [{ name: "EBSLimits" }] } } }] },
    [
      'profiles[0].plugins.filter.enabled[0]: Invalid value: "EBSLimits": was invalid in version "kubescheduler.config.k8s.io/v1" (KubeSchedulerConfiguration is version "kubescheduler.config.k8s.io/v1")',
    ],
  ],
  [
    "arguments twice",
    { profiles: [{ pluginConfig: [{ name: "NodeAffinity" }, { name: "NodeAffinity" }] }] },
    ['profiles[0].pluginConfig[1]: Duplicate value: "NodeAffinity"'],
  ],
  [
    "affinity weight",
    args("InterPodAffinity", { hardPodAffinityWeight: 101 }),
    [`${at}.hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]`],
  ],
  [
    "preemption",
    args("DefaultPreemption", { minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0 }),
    [
      `${at}.minCandidateNodesPercentage: Invalid value: 0: cannot be zero at the same time as minCandidateNodesAbsolute`,
      `${at}.minCandidateNodesAbsolute: Invalid value: 0: cannot be zero at the same time as minCandidateNodesPercentage`,
    ],
  ],
  [
    "spread",
    args("PodTopologySpread", { defaultConstraints: [{ maxSkew: 0, topologyKey: "", whenUnsatisfiable: "Maybe", labelSelector: {} }] }),
    [
      `${at}.defaultingType: Invalid value: "System": when .defaultConstraints are not empty`,
      `${at}.defaultConstraints[0].maxSkew: Invalid value: 0: not in valid range (0, inf)`,
      `${at}.defaultConstraints[0].topologyKey: Required value: can not be empty`,
      `${at}.defaultConstraints[0].whenUnsatisfiable: Unsupported value: "Maybe": supported values: "DoNotSchedule", "ScheduleAnyway"`,
      `${at}.defaultConstraints[0].labelSelector: Forbidden: constraint must not define a selector, as they deduced for each pod`,
    ],
  ],
  [
    "strategy",
    args("NodeResourcesFit", { scoringStrategy: { type: "Best", resources: [{ name: "cpu", weight: 101 }] } }),
    [
      `${at}.scoringStrategy.type: Unsupported value: "Best": supported values: "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"`,
      `${at}.scoringStrategy.resources[0].weight: Invalid value: 101: resource weight of cpu not in valid range (0, 100]`,
    ],
  ],
  [
    "shape",
    args("NodeResourcesFit", {
      scoringStrategy: {
        type: "RequestedToCapacityRatio",
        requestedToCapacityRatio: {
          shape: [
            { utilization: 50, score: 11 },
            { utilization: 50, score: 1 },
          ],
        },
      },
    }),
    [
      `${at}.scoringStrategy.requestedToCapacityRatio.shape[1].utilization: Invalid value: 50: values must be sorted in increasing order`,
      `${at}.scoringStrategy.requestedToCapacityRatio.shape[0].score: Invalid value: 11: not in valid range [0, 10]`,
    ],
  ],
  [
    "ignored groups",
    args("NodeResourcesFit", { ignoredResourceGroups: ["example.com/x"] }),
    [`${at}.ignoredResourceGroups[0]: Invalid value: "example.com/x": resource group name can't contain '/'`],
  ],
  [
    "balance",
    args("NodeResourcesBalancedAllocation", {
      resources: [
        { name: "cpu", weight: 2 },
        { name: "cpu", weight: 1 },
      ],
    }),
    [`${at}.resources[0].weight: Invalid value: 2: must be 1`, `${at}.resources[1].name: Duplicate value: "cpu"`],
  ],
  [
    "volumes",
    args("VolumeBinding", { bindTimeoutSeconds: -1 }),
    [`${at}.bindTimeoutSeconds: Invalid value: -1: invalid BindTimeoutSeconds, should not be a negative value`],
  ],
] as [string, KubeSchedulerConfiguration, string[]][]) {
  test(`wrong configuration: ${what}`, () => assert.deepEqual(errorsOf(configuration), expected));
}

function profileOf(profile: KubeSchedulerProfile): Profile {
  const [complete] = completeConfiguration({ profiles: [profile] }).profiles;
  assert.ok(complete);
  return createProfile(complete, createWorld().handle);
}

const scoresOf = ({ scores }: Profile) => scores.map(({ plugin, weight }) => `${plugin.name} ${weight}`);

test("profiles: weights, disabled plugins, what is named at a point goes over multiPoint", () => {
  assert.deepEqual(scoresOf(profileOf({})), [
    "TaintToleration 3",
    "NodeAffinity 2",
    "NodeResourcesFit 1",
    "PodTopologySpread 2",
    "InterPodAffinity 2",
    "NodeResourcesBalancedAllocation 1",
    "ImageLocality 1",
  ]);
  const plugins = {
    score: { disabled: [{ name: "ImageLocality" }, { name: "TaintToleration" }], enabled: [{ name: "InterPodAffinity", weight: 9 }] },
    multiPoint: { disabled: [{ name: "NodeAffinity" }] },
  };
  const profile = profileOf({ plugins });
  assert.deepEqual(scoresOf(profile), [
    "InterPodAffinity 9",
    "NodeResourcesFit 1",
    "PodTopologySpread 2",
    "NodeResourcesBalancedAllocation 1",
  ]);
  assert.ok(profile.filters.some(({ name }) => name === "TaintToleration"));
  assert.ok(!profile.filters.some(({ name }) => name === "NodeAffinity"));
  const bare = profileOf({ plugins: { score: { disabled: [{ name: "*" }], enabled: [{ name: "ImageLocality" }] } } });
  assert.deepEqual(scoresOf(bare), ["ImageLocality 1"]);
});

test("profiles: what cannot be", () => {
  const refuses = (plugins: KubeSchedulerProfile["plugins"] & object, message: RegExp) =>
    assert.throws(() => profileOf({ plugins }), message);
  refuses({ filter: { enabled: [{ name: "Unheard" }] } }, /plugin "Unheard" does not exist/);
  refuses({ filter: { enabled: [{ name: "ImageLocality" }] } }, /plugin "ImageLocality" does not extend filter plugin/);
  refuses(
    { bind: { disabled: [{ name: "*" }] } },
    /at least one bind plugin is needed for profile with scheduler name "default-scheduler"/,
  );
});
