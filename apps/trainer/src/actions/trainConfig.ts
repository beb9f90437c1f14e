// The configuration that a command line asks for.

import type { TrainFlags } from "../commands/trainOptions.ts";
import { kindsNamed, type NetworkKind } from "../config/defaults.ts";
import type { Override } from "../config/override.ts";
import { checkConfig, readConfigFile, readPreset } from "../config/read.ts";
import { type Resolved, resolveConfig } from "../config/resolve.ts";
import type { ConfigInput, RunConfig } from "../config/schema.ts";
import { modelChanges, overrides } from "./trainChanges.ts";

/**
 * The configuration that a command line asks for: a file, a preset, or that of a run to continue, as changed by
 * options.
 * @throws GmrError naming what is missing or invalid
 */
export async function configFrom(
  flags: TrainFlags,
  file: string | undefined,
  base: Record<string, unknown>,
  stored?: RunConfig,
): Promise<Resolved> {
  const changes = overrides(flags);
  if (stored) return resolveConfig(changed(stored, changes, flags));
  const given = file ? readConfigFile(file) : flags.preset ? readPreset(flags.preset) : base;
  // The options of another data set do not apply.
  const known = given.dataset as { name?: string } | undefined;
  if (flags.dataset !== undefined && known?.name !== flags.dataset) given.dataset = { name: flags.dataset };
  if (flags.model !== undefined) given.networks = [{ name: flags.model, model: { name: flags.model } }];
  const source = file ?? (flags.preset ? `preset ${flags.preset}` : "the command line");
  const kinds = flags.networks && kindsNamed(flags.networks);
  const own = checkConfig(given, withNetworks(changes, given.networks), source);
  const chosen = kinds && own.networks ? pickKinds(own, kinds) : own;
  const resolved = await resolveConfig(chosen, chosen === own ? kinds : undefined);
  const model = modelChanges(flags);
  if (Object.keys(model).length === 0) return resolved;
  return resolveConfig(
    withModels(
      chosen === own && kinds ? { ...own, networks: resolved.config.networks } : resolved.config,
      model,
    ),
  );
}

/** Changes for all networks also apply to those with their own settings. */
function withNetworks(changes: readonly Override[], networks: unknown): Override[] {
  const own = Array.isArray(networks)
    ? networks.map((network: { train?: unknown } | null) => network?.train)
    : [];
  return changes.flatMap((change): Override[] => {
    if (change.path[0] !== "train") return [change];
    const places = own.flatMap((train, i) =>
      train === undefined ? [] : [["networks", String(i), ...change.path]],
    );
    return [change, ...places.map((path) => ({ ...change, path }))];
  });
}

/** Keeps only the networks of these kinds, if the configuration has all of them by name. */
function pickKinds(config: ConfigInput, kinds: readonly NetworkKind[]): ConfigInput {
  const networks = kinds.flatMap((kind) => config.networks?.find(({ name }) => name === kind) ?? []);
  return networks.length === kinds.length ? { ...config, networks } : config;
}

/** Changes the settings of a run: changes for all networks apply to each. */
function changed(stored: RunConfig, changes: readonly Override[], flags: TrainFlags): ConfigInput {
  const { data: _, ...settings } = structuredClone(stored);
  const plain = settings as Record<string, unknown>;
  const perNetwork = changes.flatMap(({ path, value }): Override[] =>
    path[0] === "train"
      ? stored.networks.map((_, i) => ({ path: ["networks", String(i), ...path], value }))
      : [{ path, value }],
  );
  return withModels(checkConfig(plain, perNetwork, "the command line"), modelChanges(flags));
}

function withModels(config: ConfigInput, model: Record<string, unknown>): ConfigInput {
  return {
    ...config,
    networks: config.networks?.map((network) => {
      const { kernelSizes: _, ...forAll } = model;
      const dense = network.model.name.startsWith("dense");
      return { ...network, model: { ...network.model, ...(dense ? forAll : model) } };
    }),
  } as ConfigInput;
}
