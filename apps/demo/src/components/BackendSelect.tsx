import { backend, chooseBackend, engineProblem } from "../engine/client.ts";
import { BACKENDS, type BackendName } from "../engine/types.ts";

const NAMES: Readonly<Record<BackendName, string>> = {
  wasm: "WebAssembly",
  webgpu: "WebGPU",
  cpu: "Plain JavaScript",
};

/** What computes, and the choice of another; the networks stay. */
export function BackendSelect({ disabled = false }: { disabled?: boolean }) {
  const state = backend.value;
  return (
    <label class="backend">
      Computes with{" "}
      <select
        value={state?.name ?? "wasm"}
        disabled={!state || disabled}
        onChange={(event) => {
          chooseBackend(event.currentTarget.value as BackendName).catch((error: unknown) => {
            engineProblem.value = String(error);
          });
        }}
      >
        {BACKENDS.map((name) => (
          <option key={name} value={name}>
            {NAMES[name]}
          </option>
        ))}
      </select>
    </label>
  );
}
