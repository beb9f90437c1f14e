// The network: loaded once, on the first backend that works, and moved to another on demand.

import { batch } from "@preact/signals";
import { loadNetwork, type WebBackend } from "../../dist/index.js";
import { DESCRIPTION_FILE, type NetworkDescription, parseNetworkDescription } from "../../src/description.ts";
import { isBackground } from "./colours.ts";
import {
  backend,
  description,
  failure,
  hiddenClasses,
  loading,
  network,
  notice,
  report,
  switching,
  textOf,
} from "./state.ts";

/** The network's folder, beside the page. */
const FOLDER = new URL("network/", document.baseURI);

export async function load(): Promise<void> {
  try {
    const described = await readDescription();
    batch(() => {
      description.value = described;
      const background = described.classNames.findIndex(isBackground);
      hiddenClasses.value = new Set(background < 0 ? [] : [background]);
    });
    document.title = described.card.title;
    const loaded = await loadNetwork(FOLDER, {
      onProgress: (progress) => {
        loading.value = progress;
      },
    });
    batch(() => {
      network.value = loaded;
      backend.value = loaded.backend;
      loading.value = undefined;
    });
  } catch (error) {
    failure.value = textOf(error);
    loading.value = undefined;
  }
}

async function readDescription(): Promise<NetworkDescription> {
  const address = new URL(DESCRIPTION_FILE, FOLDER);
  const response = await fetch(address);
  if (response.ok) return parseNetworkDescription(await response.text(), address.pathname);
  throw new Error(
    `${address.pathname}: the server answers ${response.status} ${response.statusText}`.trimEnd(),
  );
}

/** Moves the network to another backend; it stays where it is if that one does not start. */
export async function switchBackend(name: WebBackend): Promise<void> {
  const current = network.value;
  if (!current || switching.value) return;
  switching.value = name;
  try {
    await current.useBackend(name);
    notice.value = undefined;
  } catch (error) {
    report(error);
  } finally {
    batch(() => {
      backend.value = { ...current.backend };
      switching.value = undefined;
    });
  }
}
