import type { BackendInfo, WebBackend } from "../../../dist/index.js";
import { switchBackend } from "../load.ts";
import { backend, type Network, network, switching } from "../state.ts";

const NAMES: Record<WebBackend, string> = { webgpu: "WebGPU", wasm: "WebAssembly", cpu: "JavaScript" };

/** Where the network computes, why not elsewhere, and the choice. */
export function Engine() {
  const [current, of] = [backend.value, network.value];
  if (!current || !of) return null;
  return (
    <div class="card engine">
      <label for="backend">Computed by</label>
      <select
        id="backend"
        value={switching.value ?? current.name}
        disabled={switching.value !== undefined}
        onChange={({ currentTarget }) => void switchBackend(currentTarget.value as WebBackend)}
      >
        {Object.entries(NAMES).map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
      <p class="muted small" role="status">
        {switching.value ? `Starting ${NAMES[switching.value]}…` : placeOf(current, of)}
      </p>
      {current.skipped.length > 0 && (
        <ul class="muted small">
          {current.skipped.map(({ backend: name, reason }) => (
            <li key={name}>{reason.startsWith(NAMES[name]) ? reason : `${NAMES[name]}: ${reason}`}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function placeOf({ name, threads }: BackendInfo, { where, whereReason }: Network): string {
  const on = name === "webgpu" ? "On the GPU" : threads > 1 ? `${threads} threads` : "One thread";
  return where === "worker" ? `${on}, beside the page.` : `${on}, in the page itself: ${whereReason}`;
}
